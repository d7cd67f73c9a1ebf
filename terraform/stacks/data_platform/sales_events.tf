# Sales events: stream -> capture_sales -> raw bucket

module "sales_events" {
  source = "../../modules/kinesis"

  project_name    = var.project_name
  environment     = var.environment
  name            = "sales-events"
  kms_key_arn     = module.key.key_arn
  shard_count     = var.sales_events_shards
  retention_hours = var.sales_events_retention_hours

  shard_level_metrics = var.shard_level_metrics ? ["IncomingBytes", "IteratorAgeMilliseconds", "ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded"] : []
}

module "failed_sales_events" {
  source = "../../modules/sqs"

  project_name     = var.project_name
  environment      = var.environment
  name             = "sales-events"
  kms_key_arn      = module.key.key_arn
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
  kms_key_arn        = module.key.key_arn

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
