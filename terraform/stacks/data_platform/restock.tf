# Inventory table -> restock requests

module "failed_inventory_changes" {
  source = "../../modules/sqs"

  project_name     = var.project_name
  environment      = var.environment
  name             = "inventory-stream"
  kms_key_arn      = module.key.key_arn
  dead_letter_only = true
}

module "restock_requests" {
  source = "../../modules/sqs"

  project_name               = var.project_name
  environment                = var.environment
  name                       = "restock-requests"
  fifo                       = true # one request a shortage, in order for each product
  kms_key_arn                = module.key.key_arn
  visibility_timeout_seconds = 60
}

module "restock" {
  source = "../../modules/lambda"

  project_name       = var.project_name
  environment        = var.environment
  name               = "restock"
  description        = "Requests new stock of a product, once each time it falls under its reorder point"
  handler            = "restock.handler"
  artifact_bucket    = var.artifact_bucket
  artifact_key       = var.bundles["restock"]
  memory_mb          = 256
  timeout_seconds    = 30
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
  kms_key_arn        = module.key.key_arn

  environment_variables = {
    RESTOCKS_TABLE    = module.tables.table_names["restocks"]
    RESTOCK_QUEUE_URL = module.restock_requests.url
  }

  permissions = [
    {
      sid       = "NoteRequests"
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [module.tables.table_arns["restocks"]]
    },
    {
      sid       = "SendRequests"
      actions   = ["sqs:SendMessage"]
      resources = [module.restock_requests.arn]
    },
  ]

  stream_sources = {
    inventory = {
      kind                    = "dynamodb"
      arn                     = module.tables.stream_arns["inventory"]
      on_failure_arn          = module.failed_inventory_changes.dead_letter_arn
      batch_size              = 100
      batching_window_seconds = var.table_streams_batching_window_seconds
      maximum_retry_attempts  = var.table_streams_maximum_retry_attempts
      bisect_on_error         = true
    }
  }
}
