output "name" {
  description = "Full name of the queue; null with dead_letter_only."
  value       = one(aws_sqs_queue.this[*].name)
}

output "arn" {
  description = "ARN of the queue; null with dead_letter_only."
  value       = one(aws_sqs_queue.this[*].arn)
}

output "url" {
  description = "URL of the queue; null with dead_letter_only."
  value       = one(aws_sqs_queue.this[*].url)
}

output "visibility_timeout_seconds" {
  description = "Seconds for which a received message is hidden: what the lambda module wants to know of a queue source."
  value       = local.visibility_timeout_seconds
}

output "dead_letter_name" {
  description = "Full name of the dead-letter queue, known before the queue is there: alarms need not wait for it."
  value       = local.dead_letter_queue_name
}

output "dead_letter_arn" {
  description = "ARN of the dead-letter queue."
  value       = aws_sqs_queue.dead_letter.arn
}

output "dead_letter_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dead_letter.url
}
