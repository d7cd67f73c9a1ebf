output "bucket_names" {
  description = "Data lake buckets by zone, and the bucket of their access logs."
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
  value = {
    orders            = module.orders_queue.url
    raw_objects       = module.raw_objects.url
    processed_objects = module.processed_objects.url
    restock_requests  = module.restock_requests.url
  }
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues, by the short name of the queue or stream whose failures they hold."
  value = {
    orders            = module.orders_queue.dead_letter_url
    raw_objects       = module.raw_objects.dead_letter_url
    processed_objects = module.processed_objects.dead_letter_url
    restock_requests  = module.restock_requests.dead_letter_url
    sales_events      = module.failed_sales_events.dead_letter_url
    orders_stream     = module.failed_orders_changes.dead_letter_url
    inventory_stream  = module.failed_inventory_changes.dead_letter_url
  }
}

output "function_names" {
  description = "Lambda functions by folder name."
  value = {
    capture_sales  = module.capture_sales.function_name
    process_orders = module.process_orders.function_name
    curate_sales   = module.curate_sales.function_name
    daily_sales    = module.daily_sales.function_name
    project_orders = module.project_orders.function_name
    restock        = module.restock.function_name
  }
}

output "function_versions" {
  description = "Version of each Lambda function that was published last, by folder name. `invoke infra-up` lets events reach it."
  value = {
    capture_sales  = module.capture_sales.version
    process_orders = module.process_orders.version
    curate_sales   = module.curate_sales.version
    daily_sales    = module.daily_sales.version
    project_orders = module.project_orders.version
    restock        = module.restock.version
  }
}

output "secret_arns" {
  description = "Secrets by short name. Their values are put in by `invoke infra-up` or `invoke secrets`, never by Terraform."
  value       = module.secrets.secret_arns
}

output "key_arn" {
  description = "KMS key that encrypts the platform."
  value       = module.key.key_arn
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms, budget and cost alerts go to."
  value       = module.observability.topic_arn
}
