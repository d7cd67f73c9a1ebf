output "function_names" { value = { greet = aws_lambda_function.greet.function_name } }
output "function_versions" { value = { greet = aws_lambda_function.greet.version } }
output "greeting_name" { value = aws_ssm_parameter.greeting.name }
