# Orders: queue -> process_orders -> orders and inventory

module "orders_queue" {
  source = "../../modules/sqs"

  project_name              = var.project_name
  environment               = var.environment
  name                      = "orders"
  kms_key_arn               = module.key.key_arn
  message_retention_seconds = var.orders_retention_seconds
  max_receive_count         = var.orders_max_receive_count

  consumer = { timeout_seconds = var.process_orders_timeout_seconds }
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
  kms_key_arn        = module.key.key_arn

  environment_variables = {
    ORDERS_TABLE    = module.tables.table_names["orders"]
    INVENTORY_TABLE = module.tables.table_names["inventory"]

    QUEUE_URL                = module.orders_queue.url
    REDELIVERY_PAUSE_SECONDS = var.redelivery_pause_seconds
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
    {
      sid       = "RedeliverRefusedOrders"
      actions   = ["sqs:ChangeMessageVisibility"]
      resources = [module.orders_queue.arn]
    },
  ]

  queue_sources = {
    orders = {
      arn                        = module.orders_queue.arn
      visibility_timeout_seconds = module.orders_queue.visibility_timeout_seconds
      batch_size                 = 10
      batching_window_seconds    = 0
    }
  }
}
