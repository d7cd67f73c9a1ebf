mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/made-by-the-mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:222222222222:log-group:made-by-the-mock" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:222222222222:function:made-by-the-mock" }
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

run "consumes_a_queue" {
  command = apply

  variables {
    permissions = [{
      sid       = "StoreOrders"
      actions   = ["dynamodb:PutItem"]
      resources = ["arn:aws:dynamodb:us-east-1:222222222222:table/stockroom-test-orders"]
    }]
    queue_sources = {
      orders = { arn = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders", batch_size = 10, maximum_concurrency = 5 }
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

run "refuses_a_large_batch_without_a_window" {
  command         = plan
  expect_failures = [var.queue_sources]
  variables { queue_sources = { orders = { arn = "arn:aws:sqs:us-east-1:222222222222:orders", batch_size = 100 } } }
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
