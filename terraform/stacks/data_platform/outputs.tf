output "bucket_names" {
  description = "Data lake buckets by zone."
  value       = module.data_lake.bucket_names
}

output "table_names" {
  description = "DynamoDB tables by short name."
  value       = module.tables.table_names
}

output "stream_names" {
  description = "Kinesis streams by short name."
  value       = { sales_events = module.sales_events.name }
}

output "queue_urls" {
  description = "SQS queues by short name."
  value       = { orders = module.orders_queue.url }
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues, by the short name of the queue or stream whose failures they hold."
  value = {
    orders       = module.orders_queue.dead_letter_url
    sales_events = module.failed_sales_events.dead_letter_url
  }
}

output "function_names" {
  description = "Lambda functions by folder name."
  value = {
    capture_sales  = module.capture_sales.function_name
    process_orders = module.process_orders.function_name
  }
}
