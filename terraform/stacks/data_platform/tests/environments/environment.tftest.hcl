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
}
