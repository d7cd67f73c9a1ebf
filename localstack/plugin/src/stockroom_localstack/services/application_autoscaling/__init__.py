"""What moto lacks of Application Auto Scaling."""
