# Processed -> curated: every new version of a date's sales has its daily sales summed again

module "processed_objects_rule" {
  source = "../../modules/eventbridge"

  project_name = var.project_name
  environment  = var.environment
  name         = "processed-objects"
  description  = "New sales in the processed bucket"
  queue_arn    = module.processed_objects.arn

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [module.data_lake.bucket_names["processed"]] }
      object = { key = [{ prefix = "sales/" }] }
    }
  })
}

module "processed_objects" {
  source = "../../modules/sqs"

  project_name              = var.project_name
  environment               = var.environment
  name                      = "processed-objects"
  kms_key_arn               = module.key.key_arn
  message_retention_seconds = var.curation_retention_seconds
  max_receive_count         = var.curation_max_receive_count
  producer_services         = { "events.amazonaws.com" = [module.processed_objects_rule.rule_arn] }

  consumer = {
    timeout_seconds         = var.curation_timeout_seconds
    batching_window_seconds = var.curation_batching_window_seconds
  }
}

module "daily_sales" {
  source = "../../modules/lambda"

  project_name       = var.project_name
  environment        = var.environment
  name               = "daily-sales"
  description        = "Sums a date's sales by store, product and country into the curated bucket"
  handler            = "daily_sales.handler"
  artifact_bucket    = var.artifact_bucket
  artifact_key       = var.bundles["daily_sales"]
  layers             = [module.pyarrow.arn]
  memory_mb          = 1024
  timeout_seconds    = var.curation_timeout_seconds
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
  kms_key_arn        = module.key.key_arn

  environment_variables = {
    PROCESSED_BUCKET = module.data_lake.bucket_names["processed"]
    CURATED_BUCKET   = module.data_lake.bucket_names["curated"]

    QUEUE_URL                = module.processed_objects.url
    REDELIVERY_PAUSE_SECONDS = var.redelivery_pause_seconds
  }

  permissions = [
    {
      sid       = "FindObjects" # without it, an object that is not there is an access error
      actions   = ["s3:ListBucket"]
      resources = [module.data_lake.bucket_arns["processed"], module.data_lake.bucket_arns["curated"]]
    },
    {
      sid       = "ReadSales"
      actions   = ["s3:GetObject"]
      resources = ["${module.data_lake.bucket_arns["processed"]}/sales/*"]
    },
    {
      sid       = "BuildDailySales"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.data_lake.bucket_arns["curated"]}/daily_sales/*"]
    },
    {
      sid       = "RedeliverRefusedNotices"
      actions   = ["sqs:ChangeMessageVisibility"]
      resources = [module.processed_objects.arn]
    },
  ]

  queue_sources = {
    processed_objects = {
      arn                        = module.processed_objects.arn
      visibility_timeout_seconds = module.processed_objects.visibility_timeout_seconds
      batch_size                 = var.curation_batching_window_seconds > 0 ? 100 : 10
      batching_window_seconds    = var.curation_batching_window_seconds
      maximum_concurrency        = var.curation_maximum_concurrency
    }
  }
}
