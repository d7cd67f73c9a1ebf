locals {
  tags          = { Module = "lambda" }
  function_name = "${var.project_name}-${var.environment}-${var.name}"

  # sales_events -> SalesEvents
  source_titles = {
    for key in setunion(keys(var.queue_sources), keys(var.stream_sources)) :
    key => join("", [for word in split("_", key) : title(word)])
  }

  # What a function needs in order to be called by its sources, and no more.
  queue_permissions = [for key, source in var.queue_sources : {
    sid       = "Consume${local.source_titles[key]}"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [source.arn]
  }]

  stream_read_actions = {
    kinesis  = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams"]
    dynamodb = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
  }

  # By kind and not by ARN: an ARN is not known before its stream is made.
  table_stream_sources = { for key, source in var.stream_sources : key => source if source.kind == "dynamodb" }

  stream_permissions = concat(
    [for key, source in var.stream_sources : {
      sid       = "Read${local.source_titles[key]}"
      actions   = local.stream_read_actions[source.kind]
      resources = [source.arn]
    }],
    # Listing is about all streams that the table has and had: it can't be limited to the one.
    [for key, source in local.table_stream_sources : {
      sid       = "List${local.source_titles[key]}"
      actions   = ["dynamodb:ListStreams"]
      resources = [replace(source.arn, "//stream/.*$/", "/stream/*")]
    }],
    [for key, source in var.stream_sources : {
      sid       = "ReportFailed${local.source_titles[key]}"
      actions   = ["sqs:SendMessage"]
      resources = [source.on_failure_arn]
    }],
  )

  # The environment variables, and what is encrypted with the same key: sources, destinations and what the function works with.
  key_permissions = [for arn in var.kms_key_arn[*] : {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [arn]
  }]

  log_permissions = [{
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }]

  # X-Ray knows no resources that these could be limited to.
  tracing_permissions = [for on in [var.tracing] : {
    sid       = "WriteTraces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  } if on]

  # Known from the sources' names alone, so that a declared permission with the same sid is refused by the first plan.
  module_sids = concat(
    [for key in keys(var.queue_sources) : "Consume${local.source_titles[key]}"],
    flatten([for key in keys(var.stream_sources) : ["Read${local.source_titles[key]}", "List${local.source_titles[key]}", "ReportFailed${local.source_titles[key]}"]]),
    ["UseKey", "WriteLogs", "WriteTraces"],
  )
}

# Logs: the group is made here and not by the function, so that it has a retention and the tags

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:Each environment decides how long logs are kept; they hold nothing that has to be kept a year.
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

# Role: what the caller declares, what the event sources need, and the function's own logs

resource "aws_iam_role" "this" {
  name        = local.function_name
  description = "Role of the function ${local.function_name}"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "permissions"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for permission in concat(
        var.permissions,
        local.queue_permissions,
        local.stream_permissions,
        local.key_permissions,
        local.log_permissions,
        local.tracing_permissions,
        ) : {
        Sid      = permission.sid
        Effect   = "Allow"
        Action   = permission.actions
        Resource = permission.resources
      }
    ]
  })
}

# Function: every change of code or settings publishes a version; `live` is the version that is called

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:Nothing calls it asynchronously; what fails goes to the dead-letter queue of its source.
  #checkov:skip=CKV_AWS_117:It calls APIs of AWS only, over TLS and with its role; a VPC would add nothing but endpoints.
  #checkov:skip=CKV_AWS_272:A promotion compares the code of every version with what was tested, before an event reaches it.
  function_name                  = local.function_name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  runtime                        = "python3.13"
  architectures                  = ["x86_64"]
  handler                        = var.handler
  s3_bucket                      = var.artifact_bucket
  s3_key                         = var.artifact_key
  layers                         = var.layers
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  publish                        = true
  kms_key_arn                    = var.kms_key_arn
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)
  tags                           = local.tags

  environment {
    variables = merge(var.environment_variables, {
      POWERTOOLS_SERVICE_NAME = var.name
      POWERTOOLS_LOG_LEVEL    = var.log_level
    })
  }

  logging_config {
    log_format = "Text" # Powertools writes the JSON
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  # Lambda decrypts the environment variables as the role.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that event sources call"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  # After the first version the toolkit moves it, when the new one has passed its smoke tests: an apply alone must not
  # let events reach code that nobody has tried. CodeDeploy, which moves it little by little, needs the same.
  lifecycle {
    ignore_changes = [function_version]
  }
}

# Event sources: each reports which messages or records of a batch failed, and each has a dead-letter path

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = var.queue_sources

  function_name                      = aws_lambda_alias.live.arn
  event_source_arn                   = each.value.arn
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.batching_window_seconds
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = local.tags

  dynamic "scaling_config" {
    for_each = each.value.maximum_concurrency[*]

    content {
      maximum_concurrency = scaling_config.value
    }
  }

  # Lambda checks at once that the role may read the source.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_event_source_mapping" "stream" {
  for_each = var.stream_sources

  function_name                      = aws_lambda_alias.live.arn
  event_source_arn                   = each.value.arn
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.batching_window_seconds
  starting_position                  = each.value.starting_position
  parallelization_factor             = each.value.parallelization_factor
  maximum_retry_attempts             = each.value.maximum_retry_attempts
  maximum_record_age_in_seconds      = each.value.maximum_record_age_seconds
  bisect_batch_on_function_error     = each.value.bisect_on_error
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = local.tags

  destination_config {
    on_failure {
      destination_arn = each.value.on_failure_arn
    }
  }

  # Lambda checks at once that the role may read the source and write to the destination.
  depends_on = [aws_iam_role_policy.this]
}
