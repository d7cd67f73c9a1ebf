"""DynamoDB, by DynamoDB Local."""
