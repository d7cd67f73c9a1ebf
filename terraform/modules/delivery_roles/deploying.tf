# What the deploying role may make and change: resources of the stacks, by the begin of their names.

locals {
  # Services that ask whoever makes a thing for its key. S3 asks who reads and writes: with it, objects would be open.
  services_that_ask_for_the_key = ["dynamodb", "kinesis", "lambda", "secretsmanager"]

  deploying_data = concat(
    [
      {
        Sid    = "Buckets"
        Effect = "Allow"
        Action = [
          "s3:CreateBucket",
          "s3:DeleteBucketPolicy",
          "s3:PutBucketLogging",
          "s3:PutBucketNotification",
          "s3:PutBucketOwnershipControls",
          "s3:PutBucketPolicy",
          "s3:PutBucketPublicAccessBlock",
          "s3:PutBucketTagging",
          "s3:PutBucketVersioning",
          "s3:PutEncryptionConfiguration",
          "s3:PutLifecycleConfiguration",
        ]
        Resource = "${local.arn_of_buckets}${local.prefix}*"
      },
      {
        # Beats all of the above: the buckets of `invoke bootstrap` are an administrator's.
        Sid      = "NotTheBucketsOfStateAndArtifacts"
        Effect   = "Deny"
        Action   = ["s3:CreateBucket", "s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
        Resource = [local.state_bucket, "${local.state_bucket}/*", local.artifact_bucket, "${local.artifact_bucket}/*"]
      },
      {
        Sid      = "Tables"
        Effect   = "Allow"
        Action   = ["dynamodb:CreateTable", "dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"]
        Resource = "${local.arn.dynamodb}table/${local.prefix}*"
      },
      {
        Sid    = "Streams"
        Effect = "Allow"
        Action = [
          "kinesis:AddTagsToStream",
          "kinesis:CreateStream",
          "kinesis:DecreaseStreamRetentionPeriod",
          "kinesis:IncreaseStreamRetentionPeriod",
          "kinesis:RemoveTagsFromStream",
          "kinesis:TagResource",
          "kinesis:UntagResource",
        ]
        Resource = "${local.arn.kinesis}stream/${local.prefix}*"
      },
      {
        Sid      = "EncryptStreams" # asks for the stream, and for the key
        Effect   = "Allow"
        Action   = "kinesis:StartStreamEncryption"
        Resource = concat(["${local.arn.kinesis}stream/${local.prefix}*"], local.key_arns)
      },
      {
        Sid      = "WhatKnowsNoResources"
        Effect   = "Allow"
        Action   = ["kinesis:DisableEnhancedMonitoring", "kinesis:EnableEnhancedMonitoring", "kinesis:UpdateShardCount", "kinesis:UpdateStreamMode"]
        Resource = "*"
      },
      {
        Sid      = "Queues"
        Effect   = "Allow"
        Action   = ["sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
        Resource = "${local.arn.sqs}${local.prefix}*"
      },
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:CreateSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource", "secretsmanager:UpdateSecret"]
        Resource = local.secret_arns
      },
      {
        Sid      = "Parameters"
        Effect   = "Allow"
        Action   = ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource"]
        Resource = local.parameter_arns
      },
      {
        Sid       = "NewKeys"
        Effect    = "Allow"
        Action    = ["kms:CreateKey", "kms:TagResource"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestTag/Project" = var.project_name, "aws:RequestTag/Environment" = var.environment } }
      },
      {
        Sid       = "Keys"
        Effect    = "Allow"
        Action    = ["kms:CreateAlias", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription"]
        Resource  = local.key_arns
        Condition = { StringEquals = local.our_keys }
      },
      {
        Sid      = "AliasesOfKeys"
        Effect   = "Allow"
        Action   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
        Resource = "${local.arn.kms}alias/${local.prefix}*"
      },
      {
        Sid      = "EncryptWithKeys"
        Effect   = "Allow"
        Action   = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource = local.key_arns
        Condition = { StringEquals = merge(local.our_keys, {
          "kms:ViaService" = [for service in local.services_that_ask_for_the_key : "${service}.${local.region}.amazonaws.com"]
        }) }
      },
    ],
    [for statement in [
      {
        Sid       = "DeleteKeys"
        Effect    = "Allow"
        Action    = ["kms:ScheduleKeyDeletion"]
        Resource  = local.key_arns
        Condition = { StringEquals = local.our_keys }
      },
      {
        Sid    = "DeleteData"
        Effect = "Allow"
        Action = [
          "dynamodb:DeleteTable",
          "kinesis:DeleteStream",
          "logs:DeleteLogGroup",
          "s3:AbortMultipartUpload",
          "s3:DeleteBucket",
          "s3:DeleteObject",
          "s3:DeleteObjectVersion",
          "s3:ListBucketMultipartUploads",
          "s3:ListBucketVersions",
          "secretsmanager:DeleteSecret",
          "sqs:DeleteQueue",
        ]
        Resource = concat(
          [
            "${local.arn_of_buckets}${local.prefix}*",
            "${local.arn.dynamodb}table/${local.prefix}*",
            "${local.arn.kinesis}stream/${local.prefix}*",
            "${local.arn.sqs}${local.prefix}*",
          ],
          local.log_group_arns,
          local.secret_arns,
        )
      },
    ] : statement if var.data_can_be_made_again],
  )

  boundary_condition = [for needed in [var.functions_need_boundary] : {
    Condition = { StringEquals = { "iam:PermissionsBoundary" = "${local.iam_arn}policy${local.path}${local.prefix}functions-boundary" } }
  } if needed]

  deploying_functions = concat(
    [
      {
        Sid    = "Functions"
        Effect = "Allow"
        Action = [
          "lambda:CreateAlias",
          "lambda:CreateFunction",
          "lambda:DeleteAlias",
          "lambda:DeleteFunction",
          "lambda:DeleteFunctionConcurrency",
          "lambda:DeleteLayerVersion",
          "lambda:PublishLayerVersion",
          "lambda:PublishVersion",
          "lambda:PutFunctionConcurrency",
          "lambda:TagResource",
          "lambda:UntagResource",
          "lambda:UpdateAlias",
          "lambda:UpdateFunctionCode",
          "lambda:UpdateFunctionConfiguration",
        ]
        Resource = local.function_arns
      },
      {
        Sid       = "EventSources"
        Effect    = "Allow"
        Action    = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
        Resource  = "*"
        Condition = { ArnLike = { "lambda:FunctionArn" = "${local.arn.lambda}function:${local.prefix}*" } }
      },
      {
        Sid      = "TagsOfEventSources"
        Effect   = "Allow"
        Action   = ["lambda:TagResource", "lambda:UntagResource"]
        Resource = local.mapping_arns
      },
      merge(
        {
          Sid      = "WriteRoles"
          Effect   = "Allow"
          Action   = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
          Resource = "${local.iam_arn}role/${local.prefix}*"
        },
        local.boundary_condition...
      ),
      {
        Sid      = "Roles"
        Effect   = "Allow"
        Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
        Resource = "${local.iam_arn}role/${local.prefix}*"
      },
      {
        Sid       = "GiveRolesToFunctions"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "${local.iam_arn}role/${local.prefix}*"
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid       = "RoleOfTableScaling"
        Effect    = "Allow"
        Action    = "iam:CreateServiceLinkedRole"
        Resource  = "${local.iam_arn}role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/*"
        Condition = { StringEquals = { "iam:AWSServiceName" = "dynamodb.application-autoscaling.amazonaws.com" } }
      },
      {
        Sid       = "TableScaling"
        Effect    = "Allow"
        Action    = ["application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget", "application-autoscaling:PutScalingPolicy", "application-autoscaling:RegisterScalableTarget"]
        Resource  = "${local.arn["application-autoscaling"]}scalable-target/*"
        Condition = { StringEquals = { "application-autoscaling:service-namespace" = "dynamodb" } }
      },
      {
        Sid      = "TagsOfTableScaling"
        Effect   = "Allow"
        Action   = ["application-autoscaling:TagResource", "application-autoscaling:UntagResource"]
        Resource = "${local.arn["application-autoscaling"]}scalable-target/*"
      },
      {
        Sid      = "Rules"
        Effect   = "Allow"
        Action   = ["events:DeleteRule", "events:DisableRule", "events:EnableRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource"]
        Resource = "${local.arn.events}rule/${local.prefix}*"
      },
      {
        Sid      = "LogGroups"
        Effect   = "Allow"
        Action   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
        Resource = local.log_group_arns
      },
      {
        Sid      = "AlarmsAndDashboards"
        Effect   = "Allow"
        Action   = ["cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
        Resource = concat(["${local.arn.cloudwatch}alarm:${local.prefix}*"], local.dashboard_arns)
      },
      {
        Sid      = "Topics"
        Effect   = "Allow"
        Action   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
        Resource = "${local.arn.sns}${local.prefix}*"
      },
      {
        Sid      = "Budgets"
        Effect   = "Allow"
        Action   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
        Resource = "${local.budgets_arn}budget/${local.prefix}*"
      },
      {
        # Of anomaly monitors only ids are known, of subscriptions to topics nothing.
        Sid    = "WhatKnowsNoResources"
        Effect = "Allow"
        Action = [
          "ce:CreateAnomalyMonitor",
          "ce:CreateAnomalySubscription",
          "ce:DeleteAnomalyMonitor",
          "ce:DeleteAnomalySubscription",
          "ce:TagResource",
          "ce:UntagResource",
          "ce:UpdateAnomalyMonitor",
          "ce:UpdateAnomalySubscription",
          "sns:SetSubscriptionAttributes",
          "sns:Unsubscribe",
        ]
        Resource = "*"
      },
    ],
  )
}
