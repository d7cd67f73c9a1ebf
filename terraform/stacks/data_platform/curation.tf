# Raw -> processed: every new raw object has its date curated again

module "raw_objects_rule" {
  source = "../../modules/eventbridge"

  project_name = var.project_name
  environment  = var.environment
  name         = "raw-objects"
  description  = "New sales events in the raw bucket"
  queue_arn    = module.raw_objects.arn

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [module.data_lake.bucket_names["raw"]] }
      object = { key = [{ prefix = "sales_events/" }] }
    }
  })
}

module "raw_objects" {
  source = "../../modules/sqs"

  project_name              = var.project_name
  environment               = var.environment
  name                      = "raw-objects"
  kms_key_arn               = module.key.key_arn
  message_retention_seconds = var.curation_retention_seconds
  max_receive_count         = var.curation_max_receive_count
  producer_services         = { "events.amazonaws.com" = [module.raw_objects_rule.rule_arn] }

  consumer = {
    timeout_seconds         = var.curation_timeout_seconds
    batching_window_seconds = var.curation_batching_window_seconds
  }
}

module "curate_sales" {
  source = "../../modules/lambda"

  project_name       = var.project_name
  environment        = var.environment
  name               = "curate-sales"
  description        = "Builds a date's sales in the processed bucket from its raw events, each event once"
  handler            = "curate_sales.handler"
  artifact_bucket    = var.artifact_bucket
  artifact_key       = var.bundles["curate_sales"]
  layers             = [module.pyarrow.arn]
  memory_mb          = 1024
  timeout_seconds    = var.curation_timeout_seconds
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  tracing            = var.tracing
  kms_key_arn        = module.key.key_arn

  environment_variables = {
    RAW_BUCKET           = module.data_lake.bucket_names["raw"]
    PROCESSED_BUCKET     = module.data_lake.bucket_names["processed"]
    PSEUDONYM_SECRET_ARN = module.secrets.secret_arns["customer_pseudonyms"]

    QUEUE_URL                = module.raw_objects.url
    REDELIVERY_PAUSE_SECONDS = var.redelivery_pause_seconds
  }

  permissions = [
    {
      sid       = "FindObjects" # without it, an object that is not there is an access error
      actions   = ["s3:ListBucket"]
      resources = [module.data_lake.bucket_arns["raw"], module.data_lake.bucket_arns["processed"]]
    },
    {
      sid       = "ReadRawEvents"
      actions   = ["s3:GetObject"]
      resources = ["${module.data_lake.bucket_arns["raw"]}/sales_events/*"]
    },
    {
      sid       = "BuildSales"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.data_lake.bucket_arns["processed"]}/sales/*"]
    },
    {
      sid       = "ReadPseudonymKey"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [module.secrets.secret_arns["customer_pseudonyms"]]
    },
    {
      sid       = "RedeliverRefusedNotices"
      actions   = ["sqs:ChangeMessageVisibility"]
      resources = [module.raw_objects.arn]
    },
  ]

  queue_sources = {
    raw_objects = {
      arn                        = module.raw_objects.arn
      visibility_timeout_seconds = module.raw_objects.visibility_timeout_seconds
      batch_size                 = var.curation_batching_window_seconds > 0 ? 100 : 10
      batching_window_seconds    = var.curation_batching_window_seconds
      maximum_concurrency        = var.curation_maximum_concurrency
    }
  }
}
