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
