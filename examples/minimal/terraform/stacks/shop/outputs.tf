output "table_names" {
  description = "DynamoDB tables by short name."
  value       = { records = module.tables.table_names["shop-records"] }
}

output "queue_urls" {
  description = "SQS queues by the function that reads them."
  value       = { for name, queue in module.queues : name => queue.url }
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues, by the function that could not handle what they hold."
  value       = { for name, queue in module.queues : name => queue.dead_letter_url }
}

output "function_names" {
  description = "Lambda functions by folder name."
  value       = { for name, function in module.functions : name => function.function_name }
}

output "function_versions" {
  description = "Version of each Lambda function that was published last, by folder name."
  value       = { for name, function in module.functions : name => function.version }
}
