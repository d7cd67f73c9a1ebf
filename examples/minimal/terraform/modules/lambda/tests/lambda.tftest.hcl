mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/made-by-the-mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:222222222222:log-group:made-by-the-mock" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:222222222222:function:made-by-the-mock", version = "7" }
  }

  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:us-east-1:222222222222:function:made-by-the-mock:live" }
  }
}

variables {
  project_name    = "stockroom"
  environment     = "test"
  name            = "process-orders"
  description     = "Stores orders"
  handler         = "process_orders.handler"
  artifact_bucket = "stockroom-test-artifacts-222222222222"
  artifact_key    = "process_orders/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.zip"
}

run "makes_a_function_with_logs_that_end" {
  command = plan

  variables {
    environment_variables = { ORDERS_TABLE = "stockroom-test-orders" }
    log_retention_days    = 7
    log_level             = "DEBUG"
  }

  assert {
    condition     = aws_lambda_function.this.function_name == "stockroom-test-process-orders" && aws_iam_role.this.name == "stockroom-test-process-orders"
    error_message = "Function and role must be named <project>-<environment>-<name>."
  }

  assert {
    condition     = aws_lambda_function.this.s3_bucket == var.artifact_bucket && aws_lambda_function.this.s3_key == var.artifact_key
    error_message = "The code must be the given bundle."
  }

  assert {
    condition     = aws_lambda_function.this.runtime == "python3.13" && aws_lambda_function.this.architectures == tolist(["x86_64"])
    error_message = "The runtime must be Python 3.13 on x86_64."
  }

  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      ORDERS_TABLE            = "stockroom-test-orders"
      POWERTOOLS_SERVICE_NAME = "process-orders"
      POWERTOOLS_LOG_LEVEL    = "DEBUG"
    })
    error_message = "The environment must be what was asked for, and Powertools' settings."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/stockroom-test-process-orders" && aws_cloudwatch_log_group.this.retention_in_days == 7
    error_message = "The log group must be the function's own, with the retention asked for."
  }

  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_group == aws_cloudwatch_log_group.this.name
    error_message = "The function must write to that group."
  }

  assert {
    condition = alltrue([
      for tags in [aws_lambda_function.this.tags, aws_iam_role.this.tags, aws_cloudwatch_log_group.this.tags] :
      tags == tomap({ Module = "lambda" })
    ])
    error_message = "Function, role and log group must carry the Module tag."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
    error_message = "Lambda, and nobody else, may take the role."
  }
}

run "may_do_nothing_but_write_its_logs" {
  command = apply

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [{
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["arn:aws:logs:us-east-1:222222222222:log-group:made-by-the-mock:*"]
    }]
    error_message = "Without permissions and sources the role must hold the log group only."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "PassThrough" && aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "Tracing and reserved concurrency must be off by default."
  }
}

run "calls_a_published_version" {
  command = apply

  variables {
    queue_sources  = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders", visibility_timeout_seconds = 180 } }
    stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq" } }
  }

  assert {
    condition     = aws_lambda_function.this.publish
    error_message = "Every change must publish a version."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_name == "stockroom-test-process-orders" && aws_lambda_alias.live.function_version == "7"
    error_message = "The alias live must point at the first version when it is made."
  }

  assert {
    condition = toset([aws_lambda_event_source_mapping.queue["orders"].function_name, aws_lambda_event_source_mapping.stream["sales"].function_name]) == toset([
      "arn:aws:lambda:us-east-1:222222222222:function:made-by-the-mock:live",
    ])
    error_message = "Queues and streams must call the alias."
  }

  assert {
    condition     = output.version == "7" && output.live_arn == "arn:aws:lambda:us-east-1:222222222222:function:made-by-the-mock:live" && output.role_arn == "arn:aws:iam::222222222222:role/made-by-the-mock"
    error_message = "Version, alias and role must be put out."
  }
}

run "a_new_version_is_not_called_by_itself" {
  command = apply

  plan_options { replace = [aws_lambda_function.this] }

  override_resource {
    target = aws_lambda_function.this
    values = { arn = "arn:aws:lambda:us-east-1:222222222222:function:made-by-the-mock", version = "8" }
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "7"
    error_message = "An apply must leave the alias live where it is."
  }

  assert {
    condition     = output.version == "8"
    error_message = "The version that was published last must be put out."
  }
}

run "uses_keys_of_aws_by_default" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == null && aws_cloudwatch_log_group.this.kms_key_id == null
    error_message = "Without a key neither variables nor logs may name one."
  }
}

run "encrypts_with_a_key" {
  command = apply

  variables { kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234" }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == var.kms_key_arn && aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    error_message = "Variables and logs must be encrypted with the key."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s if s.Sid != "WriteLogs"] == [{
      Sid      = "UseKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = ["arn:aws:kms:us-east-1:222222222222:key/1234"]
    }]
    error_message = "The role must be able to use that key, and do nothing else with it."
  }
}

run "consumes_a_queue" {
  command = apply

  variables {
    permissions = [{
      sid       = "StoreOrders"
      actions   = ["dynamodb:PutItem"]
      resources = ["arn:aws:dynamodb:us-east-1:222222222222:table/stockroom-test-orders"]
    }]
    queue_sources = {
      orders = { arn = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders", visibility_timeout_seconds = 180, batch_size = 10, maximum_concurrency = 5 }
    }
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s if s.Sid != "WriteLogs"] == [
      {
        Sid      = "StoreOrders"
        Effect   = "Allow"
        Action   = ["dynamodb:PutItem"]
        Resource = ["arn:aws:dynamodb:us-east-1:222222222222:table/stockroom-test-orders"]
      },
      {
        Sid      = "ConsumeOrders"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = ["arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders"]
      },
    ]
    error_message = "The role must hold what was declared and the right to consume that queue."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.queue["orders"].batch_size == 10 &&
      aws_lambda_event_source_mapping.queue["orders"].maximum_batching_window_in_seconds == 0 &&
      aws_lambda_event_source_mapping.queue["orders"].scaling_config[0].maximum_concurrency == 5
    )
    error_message = "The source must have the batch size, window and concurrency asked for."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["orders"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "The source must report partial batch failures."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["orders"].tags == tomap({ Module = "lambda" })
    error_message = "The source must carry the Module tag."
  }
}

run "reads_a_stream" {
  command = apply

  variables {
    tracing              = true
    reserved_concurrency = 0
    stream_sources = {
      sales_events = {
        arn                     = "arn:aws:kinesis:us-east-1:222222222222:stream/stockroom-test-sales-events"
        on_failure_arn          = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-sales-events-dlq"
        batch_size              = 500
        batching_window_seconds = 5
        maximum_retry_attempts  = 3
      }
    }
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s if s.Sid != "WriteLogs"] == [
      {
        Sid      = "ReadSalesEvents"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams"]
        Resource = ["arn:aws:kinesis:us-east-1:222222222222:stream/stockroom-test-sales-events"]
      },
      {
        Sid      = "ReportFailedSalesEvents"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["arn:aws:sqs:us-east-1:222222222222:stockroom-test-sales-events-dlq"]
      },
      {
        Sid      = "WriteTraces"
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        Resource = ["*"]
      },
    ]
    error_message = "The role must hold reading that stream, reporting to that queue, and tracing."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream["sales_events"].destination_config[0].on_failure[0].destination_arn == "arn:aws:sqs:us-east-1:222222222222:stockroom-test-sales-events-dlq"
    error_message = "What fails for good must be reported to the queue."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.stream["sales_events"].batch_size == 500 &&
      aws_lambda_event_source_mapping.stream["sales_events"].maximum_batching_window_in_seconds == 5 &&
      aws_lambda_event_source_mapping.stream["sales_events"].maximum_retry_attempts == 3 &&
      aws_lambda_event_source_mapping.stream["sales_events"].starting_position == "TRIM_HORIZON" &&
      !aws_lambda_event_source_mapping.stream["sales_events"].bisect_batch_on_function_error
    )
    error_message = "The source must have the settings asked for, start at the beginning and keep batches whole."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.stream["sales_events"].function_response_types == toset(["ReportBatchItemFailures"]) &&
      aws_lambda_event_source_mapping.stream["sales_events"].tags == tomap({ Module = "lambda" })
    )
    error_message = "The source must report partial batch failures and carry the Module tag."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active" && aws_lambda_function.this.reserved_concurrent_executions == 0
    error_message = "Tracing must be on, and a reserved concurrency of 0 must be kept."
  }
}

run "reads_the_stream_of_a_table" {
  command = apply

  variables {
    stream_sources = {
      orders = {
        kind                       = "dynamodb"
        arn                        = "arn:aws:dynamodb:us-east-1:222222222222:table/stockroom-test-orders/stream/2026-01-01T00:00:00.000"
        on_failure_arn             = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders-stream-dlq"
        starting_position          = "LATEST"
        bisect_on_error            = true
        parallelization_factor     = 4
        maximum_record_age_seconds = 3600
      }
    }
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s if s.Sid != "WriteLogs"] == [
      {
        Sid      = "ReadOrders"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        Resource = ["arn:aws:dynamodb:us-east-1:222222222222:table/stockroom-test-orders/stream/2026-01-01T00:00:00.000"]
      },
      {
        Sid      = "ListOrders"
        Effect   = "Allow"
        Action   = ["dynamodb:ListStreams"]
        Resource = ["arn:aws:dynamodb:us-east-1:222222222222:table/stockroom-test-orders/stream/*"]
      },
      {
        Sid      = "ReportFailedOrders"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders-stream-dlq"]
      },
    ]
    error_message = "The role must hold reading that stream, listing the table's streams, and reporting to that queue."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.stream["orders"].starting_position == "LATEST" &&
      aws_lambda_event_source_mapping.stream["orders"].bisect_batch_on_function_error &&
      aws_lambda_event_source_mapping.stream["orders"].parallelization_factor == 4 &&
      aws_lambda_event_source_mapping.stream["orders"].maximum_record_age_in_seconds == 3600 &&
      aws_lambda_event_source_mapping.stream["orders"].maximum_retry_attempts == 10
    )
    error_message = "The source must have the settings asked for."
  }
}

run "keeps_each_sid_unique_with_every_source_and_setting" {
  command = apply

  variables {
    tracing     = true
    kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234"
    permissions = [{ sid = "StoreOrders", actions = ["dynamodb:PutItem"], resources = ["arn:aws:dynamodb:us-east-1:222222222222:table/orders"] }]
    queue_sources = {
      orders     = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 180 }
      old_orders = { arn = "arn:aws:sqs:us-east-1:222222222222:old-orders.fifo", visibility_timeout_seconds = 180, batch_size = 10 }
    }
    stream_sources = {
      orders = { kind = "dynamodb", arn = "arn:aws:dynamodb:us-east-1:222222222222:table/orders/stream/1", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:a-dlq" }
      sales  = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:b-dlq" }
    }
  }

  assert {
    condition = sort(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid) == tolist([
      "ConsumeOldOrders", "ConsumeOrders", "ListOrders", "ReadOrders", "ReadSales", "ReportFailedOrders", "ReportFailedSales", "StoreOrders", "UseKey", "WriteLogs", "WriteTraces",
    ])
    error_message = "Every statement must have a sid of its own."
  }
}

run "refuses_a_bundle_that_is_not_named_by_its_content" {
  command         = plan
  expect_failures = [var.artifact_key]
  variables { artifact_key = "process_orders/latest.zip" }
}

run "refuses_wildcard_actions" {
  command         = plan
  expect_failures = [var.permissions]
  variables { permissions = [{ sid = "All", actions = ["s3:*"], resources = ["arn:aws:s3:::bucket/*"] }] }
}

run "refuses_a_lone_wildcard_resource" {
  command         = plan
  expect_failures = [var.permissions]
  variables { permissions = [{ sid = "All", actions = ["s3:PutObject"], resources = ["*"] }] }
}

run "refuses_a_sid_used_twice" {
  command         = plan
  expect_failures = [var.permissions]
  variables {
    permissions = [
      { sid = "Same", actions = ["s3:PutObject"], resources = ["arn:aws:s3:::a/*"] },
      { sid = "Same", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::a/*"] },
    ]
  }
}

run "refuses_variables_that_the_module_sets" {
  command         = plan
  expect_failures = [var.environment_variables]
  variables { environment_variables = { POWERTOOLS_LOG_LEVEL = "DEBUG" } }
}

run "refuses_logs_for_ever" {
  command         = plan
  expect_failures = [var.log_retention_days]
  variables { log_retention_days = 0 }
}

run "takes_a_queue_that_hides_messages_for_six_timeouts_and_the_window" {
  command = plan
  variables {
    timeout_seconds = 10
    queue_sources = {
      orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 65, batching_window_seconds = 5 }
    }
  }
}

run "refuses_a_queue_that_hides_messages_for_less" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables {
    timeout_seconds = 10
    queue_sources = {
      orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 64, batching_window_seconds = 5 }
    }
  }
}

run "refuses_a_large_batch_without_a_window" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 1000, batch_size = 100 } } }
}

run "refuses_an_unknown_starting_position" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables {
    stream_sources = {
      sales = {
        arn               = "arn:aws:kinesis:us-east-1:222222222222:stream/sales"
        on_failure_arn    = "arn:aws:sqs:us-east-1:222222222222:sales-dlq"
        starting_position = "AT_TIMESTAMP"
      }
    }
  }
}

run "refuses_an_endless_timeout" {
  command         = plan
  expect_failures = [var.timeout_seconds]
  variables { timeout_seconds = 901 }
}

run "refuses_a_handler_without_a_function" {
  command         = plan
  expect_failures = [var.handler]
  variables { handler = "process_orders" }
}

run "refuses_a_project_in_upper_case" {
  command         = plan
  expect_failures = [var.project_name]
  variables { project_name = "Stockroom" }
}

run "refuses_an_environment_with_a_hyphen" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "pre-prod" }
}

run "refuses_a_name_with_an_underscore" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "process_orders" }
}

run "refuses_no_description" {
  command         = plan
  expect_failures = [var.description]
  variables { description = "" }
}

run "refuses_a_description_that_is_too_long" {
  command         = plan
  expect_failures = [var.description]
  variables { description = format("%257s", "x") }
}

run "refuses_six_layers" {
  command         = plan
  expect_failures = [var.layers]
  variables { layers = [for n in range(6) : "arn:aws:lambda:us-east-1:222222222222:layer:l:${n}"] }
}

run "refuses_too_little_memory" {
  command         = plan
  expect_failures = [var.memory_mb]
  variables { memory_mb = 127 }
}

run "refuses_too_much_memory" {
  command         = plan
  expect_failures = [var.memory_mb]
  variables { memory_mb = 10241 }
}

run "refuses_no_timeout" {
  command         = plan
  expect_failures = [var.timeout_seconds]
  variables { timeout_seconds = 0 }
}

run "refuses_a_negative_concurrency" {
  command         = plan
  expect_failures = [var.reserved_concurrency]
  variables { reserved_concurrency = -1 }
}

run "refuses_variables_in_lower_case" {
  command         = plan
  expect_failures = [var.environment_variables]
  variables { environment_variables = { table = "orders" } }
}

run "refuses_a_key_by_alias" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables { kms_key_arn = "arn:aws:kms:us-east-1:222222222222:alias/mine" }
}

run "refuses_an_unknown_log_level" {
  command         = plan
  expect_failures = [var.log_level]
  variables { log_level = "TRACE" }
}

run "refuses_a_sid_with_a_hyphen" {
  command         = plan
  expect_failures = [var.permissions]
  variables { permissions = [{ sid = "Store-Orders", actions = ["s3:PutObject"], resources = ["arn:aws:s3:::a/*"] }] }
}

run "refuses_the_sid_of_the_logs" {
  command         = plan
  expect_failures = [var.permissions]
  variables { permissions = [{ sid = "WriteLogs", actions = ["s3:PutObject"], resources = ["arn:aws:s3:::a/*"] }] }
}

run "refuses_the_sid_of_a_source" {
  command         = plan
  expect_failures = [var.permissions]
  variables {
    permissions    = [{ sid = "ReadSales", actions = ["s3:PutObject"], resources = ["arn:aws:s3:::a/*"] }]
    stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq" } }
  }
}

run "refuses_a_statement_without_actions" {
  command         = plan
  expect_failures = [var.permissions]
  variables { permissions = [{ sid = "Store", actions = [], resources = ["arn:aws:s3:::a/*"] }] }
}

run "refuses_a_statement_without_resources" {
  command         = plan
  expect_failures = [var.permissions]
  variables { permissions = [{ sid = "Store", actions = ["s3:PutObject"], resources = [] }] }
}

run "refuses_a_queue_with_a_name_that_is_no_short_name" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { Orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 1000 } } }
}

run "refuses_queues_whose_statements_would_share_a_sid" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders_2 = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 1000 } } }
}

run "refuses_an_empty_batch_of_a_queue" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 1000, batch_size = 0 } } }
}

run "refuses_too_large_a_batch_of_a_queue" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 1000, batch_size = 10001, batching_window_seconds = 1 } } }
}

run "refuses_too_long_a_window_of_a_queue" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 1000, batching_window_seconds = 301 } } }
}

run "refuses_a_window_of_a_fifo_queue" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders.fifo", visibility_timeout_seconds = 1000, batching_window_seconds = 1 } } }
}

run "refuses_a_concurrency_of_one" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", visibility_timeout_seconds = 1000, maximum_concurrency = 1 } } }
}

run "refuses_a_stream_with_a_name_that_is_no_short_name" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { Sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq" } } }
}

run "refuses_an_unknown_kind_of_stream" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq", kind = "kafka" } } }
}

run "refuses_the_stream_of_a_table_as_one_of_kinesis" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:dynamodb:us-east-1:222222222222:table/t/stream/1", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq" } } }
}

run "refuses_a_table_in_place_of_its_stream" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:dynamodb:us-east-1:222222222222:table/t", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq", kind = "dynamodb" } } }
}

run "refuses_an_empty_batch_of_a_stream" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq", batch_size = 0 } } }
}

run "refuses_too_long_a_window_of_a_stream" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq", batching_window_seconds = 301 } } }
}

run "refuses_eleven_batches_of_a_shard" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq", parallelization_factor = 11 } } }
}

run "refuses_too_many_retries" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq", maximum_retry_attempts = 10001 } } }
}

run "refuses_too_short_an_age" {
  command         = plan
  expect_failures = [var.stream_sources]
  variables { stream_sources = { sales = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/sales", on_failure_arn = "arn:aws:sqs:us-east-1:222222222222:sales-dlq", maximum_record_age_seconds = 59 } } }
}
