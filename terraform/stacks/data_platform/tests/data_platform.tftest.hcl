mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  project_name    = "stockroom"
  environment     = "test"
  account_id      = "222222222222"
  region          = "us-east-1"
  owner           = "data-platform"
  cost_center     = "retail"
  artifact_bucket = "stockroom-test-artifacts-222222222222"
  bundles = {
    capture_sales  = "capture_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    process_orders = "process_orders/fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210.zip"
  }
}

run "names_everything_after_project_and_environment" {
  command = plan

  # The first 8 of: printf 222222222222/stockroom/test | sha256sum
  assert {
    condition = output.bucket_names == {
      raw       = "stockroom-test-raw-80cba003"
      processed = "stockroom-test-processed-80cba003"
      curated   = "stockroom-test-curated-80cba003"
    }
    error_message = "There must be three buckets, their names made unique by account, project and environment."
  }

  assert {
    condition = output.table_names == {
      products  = "stockroom-test-products"
      customers = "stockroom-test-customers"
      stores    = "stockroom-test-stores"
      inventory = "stockroom-test-inventory"
      orders    = "stockroom-test-orders"
    }
    error_message = "There must be the five tables."
  }

  assert {
    condition     = output.stream_names == { sales_events = "stockroom-test-sales-events" }
    error_message = "There must be the stream of sales events."
  }

  assert {
    condition     = output.function_names == { capture_sales = "stockroom-test-capture-sales", process_orders = "stockroom-test-process-orders" }
    error_message = "There must be the two functions."
  }

  assert {
    condition     = keys(module.tables.stream_arns) == ["orders"]
    error_message = "The orders table, and no other, must have a stream."
  }

  assert {
    condition     = module.orders_queue.dead_letter_name == "stockroom-test-orders-dlq" && module.failed_sales_events.dead_letter_name == "stockroom-test-sales-events-dlq"
    error_message = "Queue and stream must each have a dead-letter queue."
  }
}

run "has_a_dead_letter_path_for_every_source" {
  command = apply

  assert {
    condition     = keys(output.queue_urls) == ["orders"] && keys(output.dead_letter_queue_urls) == ["orders", "sales_events"]
    error_message = "There must be a dead-letter queue for the queue and for the stream."
  }

  assert {
    condition     = module.failed_sales_events.name == null
    error_message = "The failed sales events need a dead-letter queue and no other queue."
  }
}

run "refuses_a_missing_bundle" {
  command         = plan
  expect_failures = [var.bundles]
  variables { bundles = { capture_sales = "capture_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip" } }
}

run "refuses_an_account_that_is_a_number" {
  command         = plan
  expect_failures = [var.account_id]
  variables { account_id = "22222222222" }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]
  variables { region = "Virginia" }
}

run "refuses_no_owner" {
  command         = plan
  expect_failures = [var.owner]
  variables { owner = "" }
}

run "refuses_no_cost_center" {
  command         = plan
  expect_failures = [var.cost_center]
  variables { cost_center = "" }
}

run "refuses_no_time_for_a_batch" {
  command         = plan
  expect_failures = [var.process_orders_timeout_seconds]
  variables { process_orders_timeout_seconds = 1 }
}

run "refuses_a_queue_that_lambda_would_refuse" {
  command         = plan
  expect_failures = [var.orders_visibility_timeout_seconds]
  variables {
    process_orders_timeout_seconds    = 30
    orders_visibility_timeout_seconds = 29
  }
}
