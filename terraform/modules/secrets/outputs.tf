output "secret_arns" {
  description = "ARNs of the secrets by short name."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "parameter_names" {
  description = "Full names of the parameters by name."
  value       = { for name, parameter in aws_ssm_parameter.this : name => parameter.name }
}
