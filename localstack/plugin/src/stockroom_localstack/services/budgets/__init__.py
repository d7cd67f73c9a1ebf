"""What moto lacks of Budgets."""
