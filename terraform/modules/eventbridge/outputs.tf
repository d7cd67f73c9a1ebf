output "rule_arn" {
  description = "ARN of the rule: what the policies of its queues must name as the source. Known before the target exists."
  value       = aws_cloudwatch_event_rule.this.arn
}

output "rule_name" {
  description = "Full name of the rule."
  value       = aws_cloudwatch_event_rule.this.name
}
