locals {
  # Bucket names are unique in the whole world; this makes ours so, and the same on every run.
  bucket_suffix = substr(sha256("${var.account_id}/${var.project_name}/${var.environment}"), 0, 8)
}

# Where data is kept

module "data_lake" {
  source = "../../modules/s3_data_lake"

  project_name  = var.project_name
  environment   = var.environment
  force_destroy = var.data_can_be_made_again

  bucket_names = {
    for zone in ["raw", "processed", "curated"] :
    zone => "${var.project_name}-${var.environment}-${zone}-${local.bucket_suffix}"
  }
}

module "tables" {
  source = "../../modules/dynamodb"

  project_name           = var.project_name
  environment            = var.environment
  deletion_protection    = !var.data_can_be_made_again
  point_in_time_recovery = !var.data_can_be_made_again

  tables = {
    products  = { hash_key = "product_id", attributes = { product_id = "S" } }
    customers = { hash_key = "customer_id", attributes = { customer_id = "S" } }
    stores    = { hash_key = "store_id", attributes = { store_id = "S" } }
    inventory = { hash_key = "product_id", attributes = { product_id = "S" } }
    orders = {
      hash_key         = "order_id"
      attributes       = { order_id = "S" }
      stream_view_type = "NEW_AND_OLD_IMAGES"
    }
  }
}

# Sales events: stream -> capture_sales -> raw bucket

module "sales_events" {
  source = "../../modules/kinesis"

  project_name    = var.project_name
  environment     = var.environment
  name            = "sales-events"
  shard_count     = var.sales_events_shards
  retention_hours = var.sales_events_retention_hours
}

module "failed_sales_events" {
  source = "../../modules/sqs"

  project_name     = var.project_name
  environment      = var.environment
  name             = "sales-events"
  dead_letter_only = true
}

module "capture_sales" {
  source = "../../modules/lambda"

  project_name       = var.project_name
  environment        = var.environment
  name               = "capture-sales"
  description        = "Stores sales events in the raw bucket, by event date"
  handler            = "capture_sales.handler"
  artifact_bucket    = var.artifact_bucket
  artifact_key       = var.bundles["capture_sales"]
  memory_mb          = 256
  timeout_seconds    = 60
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  tracing            = var.tracing

  environment_variables = {
    RAW_BUCKET = module.data_lake.bucket_names["raw"]
  }

  permissions = [{
    sid     = "StoreSalesEvents"
    actions = ["s3:PutObject"]
    resources = [
      "${module.data_lake.bucket_arns["raw"]}/sales_events/*",
      "${module.data_lake.bucket_arns["raw"]}/rejected/*",
    ]
  }]

  stream_sources = {
    sales_events = {
      arn                     = module.sales_events.arn
      on_failure_arn          = module.failed_sales_events.dead_letter_arn
      batch_size              = 500
      batching_window_seconds = var.capture_sales_batching_window_seconds
      maximum_retry_attempts  = var.capture_sales_maximum_retry_attempts

      # An object is named by the first and last record that it holds: a retry must be the same batch to write the same one.
      bisect_on_error = false
    }
  }
}

# Orders: queue -> process_orders -> orders and inventory

module "orders_queue" {
  source = "../../modules/sqs"

  project_name              = var.project_name
  environment               = var.environment
  name                      = "orders"
  message_retention_seconds = var.orders_retention_seconds
  max_receive_count         = var.orders_max_receive_count

  visibility_timeout_seconds = coalesce(var.orders_visibility_timeout_seconds, 6 * var.process_orders_timeout_seconds)
}

module "process_orders" {
  source = "../../modules/lambda"

  project_name       = var.project_name
  environment        = var.environment
  name               = "process-orders"
  description        = "Stores orders and returns, and moves their stock in the same transaction"
  handler            = "process_orders.handler"
  artifact_bucket    = var.artifact_bucket
  artifact_key       = var.bundles["process_orders"]
  memory_mb          = 256
  timeout_seconds    = var.process_orders_timeout_seconds
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  tracing            = var.tracing

  environment_variables = {
    ORDERS_TABLE    = module.tables.table_names["orders"]
    INVENTORY_TABLE = module.tables.table_names["inventory"]
  }

  # Transactions have no actions of their own: each item in one needs the action that it would need alone.
  permissions = [
    {
      sid       = "StoreOrders"
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [module.tables.table_arns["orders"]]
    },
    {
      sid       = "MoveStock"
      actions   = ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
      resources = [module.tables.table_arns["inventory"]]
    },
  ]

  queue_sources = {
    orders = {
      arn                     = module.orders_queue.arn
      batch_size              = 10
      batching_window_seconds = 0
    }
  }
}
