output "function_name" {
  description = "Full name of the function, known before the function is there: alarms need not wait for it."
  value       = local.function_name
}

output "function_arn" {
  description = "ARN of the function, without a version. Callers use live_arn."
  value       = aws_lambda_function.this.arn
}

output "version" {
  description = "Version that was published last; `live` may still point at an earlier one."
  value       = aws_lambda_function.this.version
}

output "live_arn" {
  description = "ARN of the alias `live`: what to call."
  value       = aws_lambda_alias.live.arn
}

output "role_name" {
  description = "Name of the function's role."
  value       = aws_iam_role.this.name
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.this.arn
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.this.name
}
