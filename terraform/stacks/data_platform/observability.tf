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
