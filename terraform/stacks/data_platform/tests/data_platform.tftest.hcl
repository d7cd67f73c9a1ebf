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
    curate_sales   = "curate_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    daily_sales    = "daily_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    process_orders = "process_orders/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    project_orders = "project_orders/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    restock        = "restock/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
  }
  layers = { pyarrow = "pyarrow/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip" }
}

run "names_everything_after_project_and_environment" {
  command = plan

  # The first 8 of: printf 222222222222/stockroom/test | sha256sum
  assert {
    condition = output.bucket_names == {
      raw         = "stockroom-test-raw-80cba003"
      processed   = "stockroom-test-processed-80cba003"
      curated     = "stockroom-test-curated-80cba003"
      access_logs = "stockroom-test-access-logs-80cba003"
    }
    error_message = "There must be a bucket for each zone and one for the access logs, their names made unique by account, project and environment."
  }

  assert {
    condition = output.table_names == {
      for name in ["products", "customers", "stores", "inventory", "orders", "daily_totals", "product_totals", "projected_orders", "restocks"] :
      name => "stockroom-test-${name}"
    }
    error_message = "There must be five tables of the business and four of what is counted and requested."
  }

  assert {
    condition     = output.stream_names == { sales_events = "stockroom-test-sales-events" }
    error_message = "There must be the stream of sales events."
  }

  assert {
    condition     = output.function_names == { for name in keys(var.bundles) : name => "stockroom-test-${replace(name, "_", "-")}" }
    error_message = "There must be a function for each bundle."
  }

  assert {
    condition     = keys(module.tables.stream_arns) == ["inventory", "orders"]
    error_message = "The tables that functions follow, and no others, must have a stream."
  }

  assert {
    condition     = module.orders_queue.dead_letter_name == "stockroom-test-orders-dlq" && module.failed_sales_events.dead_letter_name == "stockroom-test-sales-events-dlq"
    error_message = "Queue and stream must each have a dead-letter queue."
  }
}

run "has_a_dead_letter_path_for_every_source" {
  command = apply

  assert {
    condition     = keys(output.queue_urls) == ["orders", "processed_objects", "raw_objects", "restock_requests"]
    error_message = "There must be a queue for orders, for the objects of each step of curation, and for restock requests."
  }

  assert {
    condition     = toset(keys(output.dead_letter_queue_urls)) == setunion(keys(output.queue_urls), ["sales_events", "orders_stream", "inventory_stream"])
    error_message = "There must be a dead-letter queue for each queue and for each stream."
  }

  assert {
    condition     = module.failed_sales_events.name == null
    error_message = "The failed sales events need a dead-letter queue and no other queue."
  }

  assert {
    condition     = output.function_versions == { for name in keys(output.function_names) : name => "7" }
    error_message = "The version that was published last must be put out for each function."
  }
}

run "refuses_a_missing_bundle" {
  command         = plan
  expect_failures = [var.bundles]
  variables { bundles = { capture_sales = "capture_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip" } }
}

run "refuses_a_missing_layer" {
  command         = plan
  expect_failures = [var.layers]
  variables { layers = {} }
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

run "refuses_no_pause_before_a_redelivery" {
  command         = plan
  expect_failures = [var.redelivery_pause_seconds]
  variables { redelivery_pause_seconds = 0 }
}

run "refuses_no_time_for_a_date" {
  command         = plan
  expect_failures = [var.curation_timeout_seconds]
  variables { curation_timeout_seconds = 5 }
}

run "refuses_fewer_calls_than_lambda_can_limit" {
  command         = plan
  expect_failures = [var.curation_maximum_concurrency]
  variables { curation_maximum_concurrency = 1 }
}
