"""IAM: its simulator looks at every resource and condition key."""
