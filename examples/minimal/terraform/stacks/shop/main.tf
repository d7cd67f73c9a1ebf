# Every folder of functions/shop/ is a function with a queue in front of it, and all of them store in one table.
# A function that needs something else: leave it out of local.functions, and give it blocks of its own.

locals {
  functions = var.bundles
}

module "key" {
  source = "../../modules/kms"

  project_name       = var.project_name
  environment        = var.environment
  name               = "shop"
  description        = "Encrypts what the stack shop keeps, sends and logs"
  service_principals = ["logs.${var.region}.amazonaws.com"]
}

module "tables" {
  source = "../../modules/dynamodb"

  project_name        = var.project_name
  environment         = var.environment
  deletion_protection = !var.data_can_be_made_again
  kms_key_arn         = module.key.key_arn

  tables = {
    "shop-records" = { hash_key = "id", attributes = { id = "S" } }
  }
}

module "queues" {
  source   = "../../modules/sqs"
  for_each = local.functions

  project_name      = var.project_name
  environment       = var.environment
  name              = "shop-${replace(each.key, "_", "-")}"
  kms_key_arn       = module.key.key_arn
  max_receive_count = var.max_receive_count

  consumer = { timeout_seconds = var.timeout_seconds }
}

module "functions" {
  source   = "../../modules/lambda"
  for_each = local.functions

  project_name       = var.project_name
  environment        = var.environment
  name               = "shop-${replace(each.key, "_", "-")}"
  description        = "Handles the messages of the queue ${each.key}"
  handler            = "${each.key}.handler"
  artifact_bucket    = var.artifact_bucket
  artifact_key       = each.value
  timeout_seconds    = var.timeout_seconds
  log_level          = var.log_level
  log_retention_days = var.log_retention_days
  kms_key_arn        = module.key.key_arn

  environment_variables = {
    RECORDS_TABLE = module.tables.table_names["shop-records"]
  }

  permissions = [{
    sid       = "StoreRecords"
    actions   = ["dynamodb:PutItem"]
    resources = [module.tables.table_arns["shop-records"]]
  }]

  queue_sources = {
    (each.key) = {
      arn                        = module.queues[each.key].arn
      visibility_timeout_seconds = module.queues[each.key].visibility_timeout_seconds
    }
  }
}
