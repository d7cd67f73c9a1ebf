data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  tags = { Module = "observability" }

  name       = "${var.project_name}-${var.environment}-${var.name}"
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id

  # Built from the name: a topic's own policy can't refer to the resource.
  topic_arn = "arn:${local.partition}:sns:${local.region}:${local.account_id}:${local.name}"

  # DynamoDB Streams and the default Kinesis stream keep records for a day: this leaves time to mend things before one is lost.
  iterator_age_seconds = 15 * 60
  share_of_timeout     = 0.8
  forecast_percent     = 80
  actual_percent       = 100
}

# Alarms: a thing, a metric and a limit, as data. All take missing data as good: what is not used reports nothing

locals {
  # Raised by the first one in 5 minutes.
  alarm_defaults = {
    statistic  = "Sum"
    percentile = null
    threshold  = 0
    period     = 300
    periods    = 1
    breaching  = 1
  }

  dead_letter_alarms = { for key, queue in var.dead_letter_queues : "dead-letters/${key}" => {
    description = "Messages in ${queue}: something could not be processed."
    namespace   = "AWS/SQS"
    metric      = "ApproximateNumberOfMessagesVisible"
    dimensions  = { QueueName = queue }
    statistic   = "Maximum"
    period      = 60
  } }

  error_alarms = { for key, function in var.functions : "errors/${key}" => {
    description = "${function.name} failed: see its logs."
    namespace   = "AWS/Lambda"
    metric      = "Errors"
    dimensions  = { FunctionName = function.name }
  } }

  throttle_alarms = { for key, function in var.functions : "throttles/${key}" => {
    description = "${function.name} was called more often at a time than its or the account's concurrency allows."
    namespace   = "AWS/Lambda"
    metric      = "Throttles"
    dimensions  = { FunctionName = function.name }
  } }

  duration_alarms = { for key, function in var.functions : "duration/${key}" => {
    description = "${function.name}: 1 of 20 calls takes more than ${local.share_of_timeout * 100} % of its timeout of ${function.timeout_seconds} s."
    namespace   = "AWS/Lambda"
    metric      = "Duration"
    dimensions  = { FunctionName = function.name }
    statistic   = null
    percentile  = "p95"
    threshold   = local.share_of_timeout * function.timeout_seconds * 1000
    periods     = 3
    breaching   = 2
  } }

  iterator_age_alarms = { for key, function in var.functions : "iterator-age/${key}" => {
    description = "${function.name} is more than ${local.iterator_age_seconds / 60} minutes behind its stream."
    namespace   = "AWS/Lambda"
    metric      = "IteratorAge"
    dimensions  = { FunctionName = function.name }
    statistic   = "Maximum"
    threshold   = local.iterator_age_seconds * 1000
    period      = 60
    periods     = 5
    breaching   = 5
  } if function.reads_stream }

  # By table, not by operation as ThrottledRequests has it: one alarm covers all operations.
  table_alarms = merge([for kind in ["Read", "Write"] : {
    for key, table in var.tables : "table-${lower(kind)}-throttles/${key}" => {
      description = "${table} refused ${lower(kind)}s: too many for its capacity, or for one of its partitions."
      namespace   = "AWS/DynamoDB"
      metric      = "${kind}ThrottleEvents"
      dimensions  = { TableName = table }
    }
  }]...)

  stream_alarms = merge([for kind in ["Read", "Write"] : {
    for key, stream in var.streams : "stream-${lower(kind)}-throttles/${key}" => {
      description = "${stream} refused ${lower(kind)}s: too many for its shards, or for one of them."
      namespace   = "AWS/Kinesis"
      metric      = "${kind}ProvisionedThroughputExceeded"
      dimensions  = { StreamName = stream }
    }
  }]...)

  alarms = { for key, alarm in merge(
    local.dead_letter_alarms,
    local.error_alarms,
    local.throttle_alarms,
    local.duration_alarms,
    local.iterator_age_alarms,
    local.table_alarms,
    local.stream_alarms,
  ) : key => merge(local.alarm_defaults, alarm) }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  # errors/capture_sales -> <project>-<environment>-<name>-capture-sales-errors
  alarm_name          = "${local.name}-${replace(split("/", each.key)[1], "_", "-")}-${split("/", each.key)[0]}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  extended_statistic  = each.value.percentile
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.breaching
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = local.tags
}

# Topic: everything that wants attention, from this account's alarms, budget and cost monitor only

resource "aws_sns_topic" "alarms" {
  name              = local.name
  kms_master_key_id = var.kms_key_arn
  tags              = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "PublishAlarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${local.name}-*" }
        }
      },
      {
        Sid       = "PublishBudgets"
        Effect    = "Allow"
        Principal = { Service = "budgets.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:budgets::${local.account_id}:*" }
        }
      },
      {
        Sid       = "PublishCostAnomalies"
        Effect    = "Allow"
        Principal = { Service = "costalerts.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

# Costs

resource "aws_budgets_budget" "monthly" {
  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  tags         = local.tags

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Project$%s", var.project_name)]
  }

  notification {
    notification_type         = "FORECASTED"
    comparison_operator       = "GREATER_THAN"
    threshold                 = local.forecast_percent
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
  }

  notification {
    notification_type         = "ACTUAL"
    comparison_operator       = "GREATER_THAN"
    threshold                 = local.actual_percent
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
  }
}

resource "aws_ce_anomaly_monitor" "services" {
  count = var.cost_anomaly_threshold_usd == null ? 0 : 1

  name              = local.name
  monitor_type      = "DIMENSIONAL"
  monitor_dimension = "SERVICE"
  tags              = local.tags
}

resource "aws_ce_anomaly_subscription" "alarms" {
  count = var.cost_anomaly_threshold_usd == null ? 0 : 1

  name             = local.name
  frequency        = "IMMEDIATE" # the only one that a topic can have
  monitor_arn_list = [aws_ce_anomaly_monitor.services[0].arn]
  tags             = local.tags

  subscriber {
    type    = "SNS"
    address = aws_sns_topic.alarms.arn
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.cost_anomaly_threshold_usd)]
    }
  }
}

# Dashboard: two graphs a row, below the state of all alarms

locals {
  function_names = [for function in values(var.functions) : function.name]
  stream_readers = [for function in values(var.functions) : function.name if function.reads_stream]

  graphs = [for graph in [
    {
      title   = "Dead letters"
      stat    = "Maximum"
      metrics = [for queue in values(var.dead_letter_queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]]
    },
    {
      title   = "Behind the streams (ms)"
      stat    = "Maximum"
      metrics = [for name in local.stream_readers : ["AWS/Lambda", "IteratorAge", "FunctionName", name]]
    },
    {
      title   = "Calls of functions"
      stat    = "Sum"
      metrics = [for name in local.function_names : ["AWS/Lambda", "Invocations", "FunctionName", name]]
    },
    {
      title   = "Failed and throttled calls"
      stat    = "Sum"
      metrics = [for pair in setproduct(local.function_names, ["Errors", "Throttles"]) : ["AWS/Lambda", pair[1], "FunctionName", pair[0]]]
    },
    {
      title   = "Duration of calls (p95, ms)"
      stat    = "p95"
      metrics = [for name in local.function_names : ["AWS/Lambda", "Duration", "FunctionName", name]]
    },
    {
      title   = "Calls at the same time"
      stat    = "Maximum"
      metrics = [for name in local.function_names : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name]]
    },
    {
      title   = "Records written to streams"
      stat    = "Sum"
      metrics = [for stream in values(var.streams) : ["AWS/Kinesis", "IncomingRecords", "StreamName", stream]]
    },
    {
      title   = "Refused by streams"
      stat    = "Sum"
      metrics = [for pair in setproduct(values(var.streams), ["Read", "Write"]) : ["AWS/Kinesis", "${pair[1]}ProvisionedThroughputExceeded", "StreamName", pair[0]]]
    },
    {
      title   = "Capacity used by tables"
      stat    = "Sum"
      metrics = [for pair in setproduct(values(var.tables), ["Read", "Write"]) : ["AWS/DynamoDB", "Consumed${pair[1]}CapacityUnits", "TableName", pair[0]]]
    },
    {
      title   = "Refused by tables"
      stat    = "Sum"
      metrics = [for pair in setproduct(values(var.tables), ["Read", "Write"]) : ["AWS/DynamoDB", "${pair[1]}ThrottleEvents", "TableName", pair[0]]]
    },
  ] : graph if length(graph.metrics) > 0]

  alarm_widgets = [for arns in [[for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]] : {
    type       = "alarm"
    x          = 0
    y          = 0
    width      = 24
    height     = 4
    properties = { title = "Alarms", alarms = arns }
  } if length(local.alarms) > 0]

  graph_widgets = [for index, graph in local.graphs : {
    type   = "metric"
    x      = index % 2 * 12
    y      = 4 + floor(index / 2) * 6
    width  = 12
    height = 6
    properties = {
      title   = graph.title
      view    = "timeSeries"
      region  = local.region
      stat    = graph.stat
      period  = 60
      metrics = graph.metrics
    }
  }]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
  dashboard_body = jsonencode({ widgets = concat(local.alarm_widgets, local.graph_widgets) })
}
