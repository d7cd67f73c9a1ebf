# Orders table -> totals per day and per product

module "failed_orders_changes" {
  source = "../../modules/sqs"

  project_name     = var.project_name
  environment      = var.environment
  name             = "orders-stream"
  kms_key_arn      = module.key.key_arn
  dead_letter_only = true
}

module "project_orders" {
  source = "../../modules/lambda"

  project_name       = var.project_name
  environment        = var.environment
  name               = "project-orders"
  description        = "Keeps totals per day and per product, each finished order counted once"
  handler            = "project_orders.handler"
  artifact_bucket    = var.artifact_bucket
  artifact_key       = var.bundles["project_orders"]
  memory_mb          = 256
  timeout_seconds    = 60
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
  kms_key_arn        = module.key.key_arn

  environment_variables = {
    DAILY_TOTALS_TABLE     = module.tables.table_names["daily_totals"]
    PRODUCT_TOTALS_TABLE   = module.tables.table_names["product_totals"]
    PROJECTED_ORDERS_TABLE = module.tables.table_names["projected_orders"]
  }

  permissions = [
    {
      sid       = "NoteCountedOrders"
      actions   = ["dynamodb:PutItem"]
      resources = [module.tables.table_arns["projected_orders"]]
    },
    {
      sid       = "AddToTotals"
      actions   = ["dynamodb:UpdateItem"]
      resources = [module.tables.table_arns["daily_totals"], module.tables.table_arns["product_totals"]]
    },
  ]

  stream_sources = {
    orders = {
      kind                    = "dynamodb"
      arn                     = module.tables.stream_arns["orders"]
      on_failure_arn          = module.failed_orders_changes.dead_letter_arn
      batch_size              = 100
      batching_window_seconds = var.table_streams_batching_window_seconds
      maximum_retry_attempts  = var.table_streams_maximum_retry_attempts
      bisect_on_error         = true
    }
  }
}
