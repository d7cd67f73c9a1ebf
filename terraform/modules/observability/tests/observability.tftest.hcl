mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:222222222222:made-by-the-mock" }
  }

  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:us-east-1:222222222222:alarm:made-by-the-mock" }
  }

  mock_resource "aws_ce_anomaly_monitor" {
    defaults = { arn = "arn:aws:ce::222222222222:anomalymonitor/made-by-the-mock" }
  }
}

variables {
  project_name       = "stockroom"
  environment        = "test"
  name               = "data-platform"
  monthly_budget_usd = 50
}

run "watches_everything" {
  command = apply

  variables {
    dead_letter_queues = { orders = "stockroom-test-orders-dlq", restock_requests = "stockroom-test-restock-requests-dlq.fifo" }
    functions = {
      capture_sales  = { name = "stockroom-test-capture-sales", timeout_seconds = 60, reads_stream = true }
      process_orders = { name = "stockroom-test-process-orders", timeout_seconds = 15 }
    }
    tables  = { orders = "stockroom-test-orders" }
    streams = { orders = "stockroom-test-sales-events" }
  }

  assert {
    condition = output.alarm_names == tolist([
      "stockroom-test-data-platform-capture-sales-duration",
      "stockroom-test-data-platform-capture-sales-errors",
      "stockroom-test-data-platform-capture-sales-iterator-age",
      "stockroom-test-data-platform-capture-sales-throttles",
      "stockroom-test-data-platform-orders-dead-letters",
      "stockroom-test-data-platform-orders-stream-read-throttles",
      "stockroom-test-data-platform-orders-stream-write-throttles",
      "stockroom-test-data-platform-orders-table-read-throttles",
      "stockroom-test-data-platform-orders-table-write-throttles",
      "stockroom-test-data-platform-process-orders-duration",
      "stockroom-test-data-platform-process-orders-errors",
      "stockroom-test-data-platform-process-orders-throttles",
      "stockroom-test-data-platform-restock-requests-dead-letters",
    ])
    error_message = "Each thing must have its alarms, with names of their own; a function that reads no stream has no iterator age."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => join(" ", [
      alarm.namespace, alarm.metric_name, coalesce(alarm.statistic, alarm.extended_statistic), join(",", [for name, value in alarm.dimensions : "${name}=${value}"]), "> ${alarm.threshold}",
      ]) } == {
      "dead-letters/orders"           = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=stockroom-test-orders-dlq > 0"
      "dead-letters/restock_requests" = "AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=stockroom-test-restock-requests-dlq.fifo > 0"
      "errors/capture_sales"          = "AWS/Lambda Errors Sum FunctionName=stockroom-test-capture-sales > 0"
      "errors/process_orders"         = "AWS/Lambda Errors Sum FunctionName=stockroom-test-process-orders > 0"
      "throttles/capture_sales"       = "AWS/Lambda Throttles Sum FunctionName=stockroom-test-capture-sales > 0"
      "throttles/process_orders"      = "AWS/Lambda Throttles Sum FunctionName=stockroom-test-process-orders > 0"
      "duration/capture_sales"        = "AWS/Lambda Duration p95 FunctionName=stockroom-test-capture-sales > 48000"
      "duration/process_orders"       = "AWS/Lambda Duration p95 FunctionName=stockroom-test-process-orders > 12000"
      "iterator-age/capture_sales"    = "AWS/Lambda IteratorAge Maximum FunctionName=stockroom-test-capture-sales > 900000"
      "table-read-throttles/orders"   = "AWS/DynamoDB ReadThrottleEvents Sum TableName=stockroom-test-orders > 0"
      "table-write-throttles/orders"  = "AWS/DynamoDB WriteThrottleEvents Sum TableName=stockroom-test-orders > 0"
      "stream-read-throttles/orders"  = "AWS/Kinesis ReadProvisionedThroughputExceeded Sum StreamName=stockroom-test-sales-events > 0"
      "stream-write-throttles/orders" = "AWS/Kinesis WriteProvisionedThroughputExceeded Sum StreamName=stockroom-test-sales-events > 0"
    }
    error_message = "Each alarm must watch the right metric of the right thing, with the right limit."
  }

  assert {
    condition = alltrue([for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.comparison_operator == "GreaterThanThreshold" && alarm.treat_missing_data == "notBreaching" && alarm.tags == tomap({ Module = "observability" })
    ])
    error_message = "Each alarm must be raised above its limit, take missing data as good, and carry the Module tag."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : split("/", key)[0] => "${alarm.datapoints_to_alarm} of ${alarm.evaluation_periods} of ${alarm.period} s"... } == {
      "dead-letters"           = ["1 of 1 of 60 s", "1 of 1 of 60 s"]
      "errors"                 = ["1 of 1 of 300 s", "1 of 1 of 300 s"]
      "throttles"              = ["1 of 1 of 300 s", "1 of 1 of 300 s"]
      "duration"               = ["2 of 3 of 300 s", "2 of 3 of 300 s"]
      "iterator-age"           = ["5 of 5 of 60 s"]
      "table-read-throttles"   = ["1 of 1 of 300 s"]
      "table-write-throttles"  = ["1 of 1 of 300 s"]
      "stream-read-throttles"  = ["1 of 1 of 300 s"]
      "stream-write-throttles" = ["1 of 1 of 300 s"]
    }
    error_message = "A failure must be told at the first one, slowness when it lasts."
  }

  assert {
    condition = alltrue([for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:222222222222:made-by-the-mock"]) && alarm.ok_actions == toset(["arn:aws:sns:us-east-1:222222222222:made-by-the-mock"])
    ])
    error_message = "Each alarm must tell the topic when it is raised and when it is over."
  }

  assert {
    condition     = aws_cloudwatch_dashboard.this.dashboard_name == "stockroom-test-data-platform" && output.dashboard_name == "stockroom-test-data-platform"
    error_message = "The dashboard must be named <project>-<environment>-<name>."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.properties.title}: ${length(widget.type == "alarm" ? widget.properties.alarms : widget.properties.metrics)}"] == [
      "Alarms: 13",
      "Dead letters: 2",
      "Behind the streams (ms): 1",
      "Calls of functions: 2",
      "Failed and throttled calls: 4",
      "Duration of calls (p95, ms): 2",
      "Calls at the same time: 2",
      "Records written to streams: 1",
      "Refused by streams: 2",
      "Capacity used by tables: 2",
      "Refused by tables: 2",
    ]
    error_message = "The dashboard must show the state of all alarms and the metrics of all things."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x},${widget.y}"])) == 11
    error_message = "No graph may lie on another."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[4].properties.metrics[1] == ["AWS/Lambda", "Throttles", "FunctionName", "stockroom-test-capture-sales"]
    error_message = "A graph must show its metrics by function."
  }
}

run "needs_nothing_to_watch" {
  command = apply

  assert {
    condition     = length(output.alarm_names) == 0 && jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets == []
    error_message = "Without things to watch there must be no alarm and no graph."
  }
}

run "takes_messages_from_this_account_only" {
  command = apply

  variables { kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234" }

  assert {
    condition     = aws_sns_topic.alarms.name == "stockroom-test-data-platform" && aws_sns_topic.alarms.kms_master_key_id == var.kms_key_arn && aws_sns_topic.alarms.tags == tomap({ Module = "observability" })
    error_message = "The topic must have its name, be encrypted with the key and carry the Module tag."
  }

  assert {
    condition = jsondecode(aws_sns_topic.alarms.policy).Statement == [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:us-east-1:222222222222:stockroom-test-data-platform"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "PublishAlarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:us-east-1:222222222222:stockroom-test-data-platform"
        Condition = {
          StringEquals = { "aws:SourceAccount" = "222222222222" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:us-east-1:222222222222:alarm:stockroom-test-data-platform-*" }
        }
      },
      {
        Sid       = "PublishBudgets"
        Effect    = "Allow"
        Principal = { Service = "budgets.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:us-east-1:222222222222:stockroom-test-data-platform"
        Condition = {
          StringEquals = { "aws:SourceAccount" = "222222222222" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:budgets::222222222222:*" }
        }
      },
      {
        Sid       = "PublishCostAnomalies"
        Effect    = "Allow"
        Principal = { Service = "costalerts.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:us-east-1:222222222222:stockroom-test-data-platform"
        Condition = { StringEquals = { "aws:SourceAccount" = "222222222222" } }
      },
    ]
    error_message = "Only alarms of this name, and budgets and cost monitors of this account, may publish, and only over TLS."
  }

  assert {
    condition     = output.topic_arn == "arn:aws:sns:us-east-1:222222222222:made-by-the-mock" && length(aws_sns_topic_subscription.email) == 0
    error_message = "The topic must be put out, and without an address nobody subscribed."
  }
}

run "sends_mail" {
  command = apply

  variables { alarm_email = "oncall@example.com" }

  assert {
    condition = (
      aws_sns_topic_subscription.email[0].protocol == "email" &&
      aws_sns_topic_subscription.email[0].endpoint == "oncall@example.com" &&
      aws_sns_topic_subscription.email[0].topic_arn == "arn:aws:sns:us-east-1:222222222222:made-by-the-mock"
    )
    error_message = "The address must be subscribed to the topic."
  }
}

run "watches_the_budget_of_the_project" {
  command = apply

  assert {
    condition     = aws_budgets_budget.monthly.name == "stockroom-test-data-platform" && aws_budgets_budget.monthly.budget_type == "COST" && aws_budgets_budget.monthly.time_unit == "MONTHLY"
    error_message = "It must be a budget of costs by month."
  }

  assert {
    condition     = aws_budgets_budget.monthly.limit_amount == "50" && aws_budgets_budget.monthly.limit_unit == "USD"
    error_message = "The limit must be the one asked for."
  }

  assert {
    condition     = [for filter in aws_budgets_budget.monthly.cost_filter : "${filter.name}: ${join(", ", filter.values)}"] == ["TagKeyValue: user:Project$stockroom"]
    error_message = "It must count what carries the project's tag."
  }

  assert {
    condition = toset([for n in aws_budgets_budget.monthly.notification : "${n.notification_type} ${n.comparison_operator} ${n.threshold} ${n.threshold_type} ${join(",", n.subscriber_sns_topic_arns)}"]) == toset([
      "FORECASTED GREATER_THAN 80 PERCENTAGE arn:aws:sns:us-east-1:222222222222:made-by-the-mock",
      "ACTUAL GREATER_THAN 100 PERCENTAGE arn:aws:sns:us-east-1:222222222222:made-by-the-mock",
    ])
    error_message = "80 % forecast and 100 % spent must be told to the topic."
  }

  assert {
    condition     = length(aws_ce_anomaly_monitor.services) == 0 && length(aws_ce_anomaly_subscription.alarms) == 0
    error_message = "Without a threshold there must be no monitor of costs."
  }
}

run "watches_unusual_costs" {
  command = apply

  variables { cost_anomaly_threshold_usd = 12.5 }

  assert {
    condition     = aws_ce_anomaly_monitor.services[0].name == "stockroom-test-data-platform" && aws_ce_anomaly_monitor.services[0].monitor_type == "DIMENSIONAL" && aws_ce_anomaly_monitor.services[0].monitor_dimension == "SERVICE"
    error_message = "The monitor must watch each service."
  }

  assert {
    condition = (
      aws_ce_anomaly_subscription.alarms[0].frequency == "IMMEDIATE" &&
      aws_ce_anomaly_subscription.alarms[0].monitor_arn_list == tolist(["arn:aws:ce::222222222222:anomalymonitor/made-by-the-mock"]) &&
      [for subscriber in aws_ce_anomaly_subscription.alarms[0].subscriber : "${subscriber.type} ${subscriber.address}"] == ["SNS arn:aws:sns:us-east-1:222222222222:made-by-the-mock"]
    )
    error_message = "What the monitor finds must be told to the topic at once."
  }

  assert {
    condition = (
      aws_ce_anomaly_subscription.alarms[0].threshold_expression[0].dimension[0].key == "ANOMALY_TOTAL_IMPACT_ABSOLUTE" &&
      aws_ce_anomaly_subscription.alarms[0].threshold_expression[0].dimension[0].match_options == toset(["GREATER_THAN_OR_EQUAL"]) &&
      aws_ce_anomaly_subscription.alarms[0].threshold_expression[0].dimension[0].values == toset(["12.5"])
    )
    error_message = "It must be told from the threshold on."
  }
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
  variables { name = "a_b" }
}

run "refuses_an_address_that_is_none" {
  command         = plan
  expect_failures = [var.alarm_email]
  variables { alarm_email = "oncall" }
}

run "refuses_two_addresses" {
  command         = plan
  expect_failures = [var.alarm_email]
  variables { alarm_email = "a@example.com b@example.com" }
}

run "refuses_a_key_by_alias" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables { kms_key_arn = "alias/aws/sns" }
}

run "refuses_a_dead_letter_queue_whose_key_is_no_short_name" {
  command         = plan
  expect_failures = [var.dead_letter_queues]
  variables { dead_letter_queues = { "Orders" = "orders-dlq" } }
}

run "refuses_a_function_whose_key_is_no_short_name" {
  command         = plan
  expect_failures = [var.functions]
  variables { functions = { "capture-sales" = { name = "capture-sales", timeout_seconds = 60 } } }
}

run "refuses_a_function_without_time" {
  command         = plan
  expect_failures = [var.functions]
  variables { functions = { capture_sales = { name = "capture-sales", timeout_seconds = 0 } } }
}

run "refuses_a_table_whose_key_is_no_short_name" {
  command         = plan
  expect_failures = [var.tables]
  variables { tables = { "Orders" = "orders" } }
}

run "refuses_a_stream_whose_key_is_no_short_name" {
  command         = plan
  expect_failures = [var.streams]
  variables { streams = { "Sales" = "sales" } }
}

run "refuses_a_budget_of_nothing" {
  command         = plan
  expect_failures = [var.monthly_budget_usd]
  variables { monthly_budget_usd = 0 }
}

run "refuses_a_threshold_of_nothing" {
  command         = plan
  expect_failures = [var.cost_anomaly_threshold_usd]
  variables { cost_anomaly_threshold_usd = 0 }
}
