mock_provider "aws" {
  source = "./tests/mocks"
}

# What terraform/environments/<env>/ sets comes from -var-file; here stands only what the toolkit would add.
variables {
  artifact_bucket = "stockroom-any-artifacts"
  bundles = {
    capture_sales  = "capture_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    curate_sales   = "curate_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    daily_sales    = "daily_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    process_orders = "process_orders/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    project_orders = "project_orders/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    restock        = "restock/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
  }
  layers = { pyarrow = "pyarrow/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip" }
}

run "environment_is_complete_and_valid" {
  command = plan

  assert {
    condition     = output.function_names["capture_sales"] == "${var.project_name}-${var.environment}-capture-sales"
    error_message = "The environment's files must name the project and the environment that its resources are called after."
  }

  assert {
    condition     = var.environment != "prod" || !var.data_can_be_made_again
    error_message = "The data of prod must be protected: data_can_be_made_again must be false there."
  }

  # Each pair of a queue and the function that reads it.
  assert {
    condition = alltrue([
      module.orders_queue.visibility_timeout_seconds == 6 * var.process_orders_timeout_seconds,
      module.raw_objects.visibility_timeout_seconds == 6 * var.curation_timeout_seconds + var.curation_batching_window_seconds,
      module.processed_objects.visibility_timeout_seconds == 6 * var.curation_timeout_seconds + var.curation_batching_window_seconds,
    ])
    error_message = "Every queue must hide what was received for 6 times the timeout of its function, and the batching window."
  }

  assert {
    condition     = min(var.orders_max_receive_count, var.curation_max_receive_count) >= 5
    error_message = "What is received fewer than 5 times becomes a dead letter while its function is throttled."
  }
}
