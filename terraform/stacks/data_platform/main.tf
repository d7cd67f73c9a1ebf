locals {
  # Bucket names are unique in the whole world; this makes ours so, and the same on every run.
  bucket_suffix = substr(sha256("${var.account_id}/${var.project_name}/${var.environment}"), 0, 8)
}

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

# Where data is kept

module "data_lake" {
  source = "../../modules/s3_data_lake"

  project_name           = var.project_name
  environment            = var.environment
  force_destroy          = var.data_can_be_made_again
  kms_key_arn            = module.key.key_arn
  access_log_bucket_name = "${var.project_name}-${var.environment}-access-logs-${local.bucket_suffix}"
  glacier_after_days     = { raw = 365 } # read again only for a late event, or to build everything anew

  bucket_names = {
    for zone in ["raw", "processed", "curated"] :
    zone => "${var.project_name}-${var.environment}-${zone}-${local.bucket_suffix}"
  }
}

module "tables" {
  source = "../../modules/dynamodb"

  project_name        = var.project_name
  environment         = var.environment
  deletion_protection = !var.data_can_be_made_again
  kms_key_arn         = module.key.key_arn

  tables = {
    products  = { hash_key = "product_id", attributes = { product_id = "S" } }
    customers = { hash_key = "customer_id", attributes = { customer_id = "S" } }
    stores    = { hash_key = "store_id", attributes = { store_id = "S" } }
    inventory = {
      hash_key         = "product_id"
      attributes       = { product_id = "S" }
      stream_view_type = "NEW_AND_OLD_IMAGES"
    }
    orders = {
      hash_key         = "order_id"
      attributes       = { order_id = "S" }
      stream_view_type = "NEW_AND_OLD_IMAGES"
    }

    daily_totals   = { hash_key = "order_date", attributes = { order_date = "S" } }
    product_totals = { hash_key = "product_id", attributes = { product_id = "S" } }
    projected_orders = {
      hash_key      = "order_id"
      range_key     = "part"
      attributes    = { order_id = "S", part = "S" }
      ttl_attribute = "expires_at"
    }
    restocks = { hash_key = "product_id", attributes = { product_id = "S" } }
  }
}

# What functions need beyond the Lambda image

module "pyarrow" {
  source = "../../modules/lambda_layer"

  project_name    = var.project_name
  environment     = var.environment
  name            = "pyarrow"
  description     = "Apache Arrow, for Parquet"
  artifact_bucket = var.artifact_bucket
  artifact_key    = var.layers["pyarrow"]
}

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

# What people look at, and what wakes them

module "observability" {
  source = "../../modules/observability"

  project_name               = var.project_name
  environment                = var.environment
  name                       = "data-platform"
  kms_key_arn                = module.key.key_arn
  alarm_email                = var.alarm_email
  monthly_budget_usd         = var.monthly_budget_usd
  cost_anomaly_threshold_usd = var.cost_anomaly_threshold_usd

  tables  = module.tables.table_names
  streams = { sales_events = module.sales_events.name }

  dead_letter_queues = {
    orders            = module.orders_queue.dead_letter_name
    raw_objects       = module.raw_objects.dead_letter_name
    processed_objects = module.processed_objects.dead_letter_name
    restock_requests  = module.restock_requests.dead_letter_name
    sales_events      = module.failed_sales_events.dead_letter_name
    orders_stream     = module.failed_orders_changes.dead_letter_name
    inventory_stream  = module.failed_inventory_changes.dead_letter_name
  }

  functions = {
    capture_sales  = { name = module.capture_sales.function_name, timeout_seconds = 60, reads_stream = true }
    process_orders = { name = module.process_orders.function_name, timeout_seconds = var.process_orders_timeout_seconds }
    curate_sales   = { name = module.curate_sales.function_name, timeout_seconds = var.curation_timeout_seconds }
    daily_sales    = { name = module.daily_sales.function_name, timeout_seconds = var.curation_timeout_seconds }
    project_orders = { name = module.project_orders.function_name, timeout_seconds = 60, reads_stream = true }
    restock        = { name = module.restock.function_name, timeout_seconds = 30, reads_stream = true }
  }
}
