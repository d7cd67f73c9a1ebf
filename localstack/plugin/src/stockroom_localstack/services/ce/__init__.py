"""What moto lacks of Cost Explorer."""
