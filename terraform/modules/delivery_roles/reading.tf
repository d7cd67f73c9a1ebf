# What both roles may look at: settings of all that the stacks hold, so that Terraform can compare. No data.

locals {
  function_arns   = ["${local.arn.lambda}function:${local.prefix}*", "${local.arn.lambda}layer:${local.prefix}*"]
  mapping_arns    = ["${local.arn.lambda}event-source-mapping:*"]
  log_group_arns  = ["${local.arn.logs}log-group:/aws/lambda/${local.prefix}*"]
  secret_arns     = ["${local.arn.secretsmanager}secret:${var.project_name}/${var.environment}/*"]
  parameter_arns  = ["${local.arn.ssm}parameter/${var.project_name}/${var.environment}", "${local.arn.ssm}parameter/${var.project_name}/${var.environment}/*"]
  dashboard_arns  = ["arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${local.prefix}*"]
  lock_table_arns = [for name in var.lock_table_name[*] : "${local.arn.dynamodb}table/${name}"]

  # A key's ARN says nothing about whose it is; its tags do.
  key_arns = ["${local.arn.kms}key/*"]
  our_keys = { "aws:ResourceTag/Project" = var.project_name, "aws:ResourceTag/Environment" = var.environment }

  # In another account: its bucket's policy lets this account in, as far as this.
  ledger_before = flatten([for bucket in var.ledger_bucket_before[*] : [
    {
      Sid       = "ListLedgerBefore"
      Effect    = "Allow"
      Action    = ["s3:ListBucket"]
      Resource  = "${local.arn_of_buckets}${bucket}"
      Condition = { StringLike = { "s3:prefix" = "promotions/ledger/*" } }
    },
    {
      Sid      = "ReadLedgerBefore"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = "${local.arn_of_buckets}${bucket}/promotions/ledger/*"
    },
  ]])

  reading = concat(
    [
      {
        Sid    = "Buckets"
        Effect = "Allow"
        Action = [
          "s3:GetAccelerateConfiguration",
          "s3:GetBucket*",
          "s3:GetEncryptionConfiguration",
          "s3:GetLifecycleConfiguration",
          "s3:GetReplicationConfiguration",
          "s3:ListBucket", # without it nobody can see whether a bucket is there
        ]
        Resource = "${local.arn_of_buckets}${local.prefix}*"
      },
      {
        Sid      = "StateReleasesAndLedger"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = ["${local.state_bucket}/*", "${local.artifact_bucket}/*"]
      },
      {
        Sid      = "Tables"
        Effect   = "Allow"
        Action   = ["dynamodb:Describe*", "dynamodb:ListTagsOfResource"]
        Resource = concat(["${local.arn.dynamodb}table/${local.prefix}*"], local.lock_table_arns)
      },
      {
        Sid      = "Streams"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListTagsForResource", "kinesis:ListTagsForStream"]
        Resource = "${local.arn.kinesis}stream/${local.prefix}*"
      },
      {
        Sid      = "Queues"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
        Resource = "${local.arn.sqs}${local.prefix}*"
      },
      {
        Sid      = "Topics"
        Effect   = "Allow"
        Action   = ["sns:GetDataProtectionPolicy", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource"]
        Resource = "${local.arn.sns}${local.prefix}*"
      },
      {
        Sid      = "Functions"
        Effect   = "Allow"
        Action   = ["lambda:Get*", "lambda:List*"]
        Resource = concat(local.function_arns, local.mapping_arns)
      },
      {
        # Lambda shows a function's settings only to who may decrypt them; without it every plan would set them anew.
        Sid      = "SettingsOfFunctions"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = local.key_arns
        Condition = { StringEquals = merge(local.our_keys, {
          "kms:ViaService" = "lambda.${local.region}.amazonaws.com"
        }) }
      },
      {
        Sid       = "Keys"
        Effect    = "Allow"
        Action    = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
        Resource  = local.key_arns
        Condition = { StringEquals = local.our_keys }
      },
      {
        Sid      = "Roles"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:ListRoleTags"]
        Resource = "${local.iam_arn}role/${local.prefix}*"
      },
      {
        Sid      = "Rules"
        Effect   = "Allow"
        Action   = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
        Resource = "${local.arn.events}rule/${local.prefix}*"
      },
      {
        Sid      = "AlarmsAndDashboards"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
        Resource = concat(["${local.arn.cloudwatch}alarm:${local.prefix}*"], local.dashboard_arns)
      },
      {
        Sid      = "LogGroups"
        Effect   = "Allow"
        Action   = ["logs:ListTagsForResource", "logs:ListTagsLogGroup"]
        Resource = local.log_group_arns
      },
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"]
        Resource = local.secret_arns
      },
      {
        Sid      = "Parameters" # no secrets: plans show them
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:ListTagsForResource"]
        Resource = local.parameter_arns
      },
      {
        Sid      = "Budgets"
        Effect   = "Allow"
        Action   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
        Resource = "${local.budgets_arn}budget/${local.prefix}*"
      },
      {
        Sid    = "WhatKnowsNoResources"
        Effect = "Allow"
        Action = [
          "application-autoscaling:Describe*",
          "application-autoscaling:ListTagsForResource",
          "ce:GetAnomalyMonitors",
          "ce:GetAnomalySubscriptions",
          "ce:ListTagsForResource",
          "cloudwatch:DescribeAlarms",
          "kinesis:DescribeLimits",
          "kms:ListAliases",
          "lambda:ListEventSourceMappings",
          "logs:DescribeLogGroups",
          "s3:ListAllMyBuckets",
          "sns:GetSubscriptionAttributes",
          "ssm:DescribeParameters",
        ]
        Resource = "*"
      },
    ],
    local.ledger_before,
  )

  locking = concat(
    [{
      Sid      = "LockStates"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:PutObject"]
      Resource = "${local.state_bucket}/*.tflock"
    }],
    [for arn in local.lock_table_arns : {
      Sid      = "LockStatesInTheTable"
      Effect   = "Allow"
      Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
      Resource = arn
    }],
  )
}
