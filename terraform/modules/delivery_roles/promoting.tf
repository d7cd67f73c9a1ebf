# What a promotion does besides Terraform: states, artifacts, the ledger, and the tests of what was deployed.

locals {
  ledger = "${local.state_bucket}/promotions/ledger/*"

  promoting = [
    {
      Sid      = "WriteStatesArtifactsAndLedger"
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      Resource = ["${local.state_bucket}/*", "${local.artifact_bucket}/*"]
    },
    {
      # An event of the ledger is written when there is none of that number, or not at all.
      Sid       = "LedgerIsOnlyAddedTo"
      Effect    = "Deny"
      Action    = "s3:PutObject"
      Resource  = local.ledger
      Condition = { Null = { "s3:if-none-match" = "true" } }
    },
    {
      Sid      = "ReleaseLockOfPromotions"
      Effect   = "Allow"
      Action   = "s3:DeleteObject"
      Resource = "${local.state_bucket}/promotions/lock.json"
    },
    {
      Sid      = "KeepStatesArtifactsAndLedger"
      Effect   = "Deny"
      Action   = "s3:DeleteObject"
      Resource = [local.ledger, "${local.state_bucket}/*.tfstate", "${local.artifact_bucket}/*"]
    },
    {
      Sid      = "FillAndTestSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
      Resource = local.secret_arns
    },
    {
      # How objects are encrypted; the key is not given for S3, so what is in them stays closed.
      Sid      = "LookAtObjects"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${local.arn_of_buckets}${local.prefix}*/*"
    },
    {
      Sid      = "CallFunctions"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = local.function_arns[0]
    },
    {
      Sid      = "ReadLogs"
      Effect   = "Allow"
      Action   = "logs:FilterLogEvents"
      Resource = local.log_group_arns
    },
    {
      Sid      = "AskWhatRolesMayDo"
      Effect   = "Allow"
      Action   = "iam:SimulatePrincipalPolicy"
      Resource = "${local.iam_arn}role/${local.prefix}*"
    },
    {
      Sid    = "ListWhatIsThere"
      Effect = "Allow"
      Action = [
        "dynamodb:ListTables",
        "events:ListRules",
        "kinesis:ListStreams",
        "lambda:ListFunctions",
        "secretsmanager:ListSecrets",
        "sns:ListTopics",
        "sqs:ListQueues",
      ]
      Resource = "*"
    },
  ]
}
