# What encrypts everything, and what must stay secret

module "key" {
  source = "../../modules/kms"

  project_name = var.project_name
  environment  = var.environment
  name         = "data-platform"
  description  = "Encrypts the data platform: data at rest, messages, logs, secrets and alarms"

  # What AWS itself puts into encrypted queues, topics and log groups, nobody's role is asked for.
  service_principals = [
    "budgets.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "costalerts.amazonaws.com",
    "events.amazonaws.com",
    "logs.${var.region}.amazonaws.com",
  ]
}

module "secrets" {
  source = "../../modules/secrets"

  project_name         = var.project_name
  environment          = var.environment
  kms_key_arn          = module.key.key_arn
  recovery_window_days = var.data_can_be_made_again ? 0 : 30

  secrets = {
    customer_pseudonyms = {
      description = "Key of the pseudonyms that stand for customer ids in the processed data; a new value makes new pseudonyms"
    }
  }

  # Where others find the platform's entrances and its data.
  parameters = {
    "data_platform/sales_events_stream" = { value = module.sales_events.name, description = "Kinesis stream that takes sales events" }
    "data_platform/orders_queue_url"    = { value = module.orders_queue.url, description = "SQS queue that takes orders and returns" }
    "data_platform/restock_queue_url"   = { value = module.restock_requests.url, description = "SQS FIFO queue of restock requests" }
    "data_platform/processed_bucket"    = { value = module.data_lake.bucket_names["processed"], description = "Sales by event date, Parquet, sales/" }
    "data_platform/curated_bucket"      = { value = module.data_lake.bucket_names["curated"], description = "Daily sales, Parquet, daily_sales/" }
  }
}
