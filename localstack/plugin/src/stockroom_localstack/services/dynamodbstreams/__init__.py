"""Streams of DynamoDB tables, by DynamoDB Local."""
