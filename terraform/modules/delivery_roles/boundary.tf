# The limits of functions: data of this environment, but not its states, artifacts or IAM.

locals {
  function_limits = [
    {
      Sid      = "Objects"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
      Resource = "${local.arn_of_buckets}${local.prefix}*"
    },
    {
      Sid      = "NotStatesAndArtifacts"
      Effect   = "Deny"
      Action   = "s3:*"
      Resource = [local.state_bucket, "${local.state_bucket}/*", local.artifact_bucket, "${local.artifact_bucket}/*"]
    },
    {
      Sid    = "Items"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:DescribeStream",
        "dynamodb:GetItem",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
      ]
      Resource = "${local.arn.dynamodb}table/${local.prefix}*"
    },
    {
      Sid    = "Records"
      Effect = "Allow"
      Action = [
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        "kinesis:ListStreams",
        "kinesis:PutRecord",
        "kinesis:PutRecords",
      ]
      Resource = "${local.arn.kinesis}stream/${local.prefix}*"
    },
    {
      Sid      = "Messages"
      Effect   = "Allow"
      Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage"]
      Resource = "${local.arn.sqs}${local.prefix}*"
    },
    {
      Sid      = "Topics"
      Effect   = "Allow"
      Action   = "sns:Publish"
      Resource = "${local.arn.sns}${local.prefix}*"
    },
    {
      Sid      = "Functions"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = local.function_arns[0]
    },
    {
      Sid      = "Secrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
      Resource = local.secret_arns
    },
    {
      Sid      = "Parameters"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
      Resource = local.parameter_arns
    },
    {
      Sid       = "Keys"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]
      Resource  = local.key_arns
      Condition = { StringEquals = local.our_keys }
    },
    {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = local.log_group_arns
    },
    {
      Sid      = "Traces"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = "*"
    },
  ]
}
