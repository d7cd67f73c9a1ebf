data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  tags = { Module = "delivery_roles" }

  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id

  # What everything of the stacks is called, and what the two buckets of `invoke bootstrap` are called.
  prefix          = "${var.project_name}-${var.environment}-"
  state_bucket    = "${local.arn_of_buckets}${local.prefix}state-${local.account_id}"
  artifact_bucket = "${local.arn_of_buckets}${local.prefix}artifacts-${local.account_id}"

  arn_of_buckets = "arn:${local.partition}:s3:::"
  arn            = { for service in local.regional_services : service => "arn:${local.partition}:${service}:${local.region}:${local.account_id}:" }
  iam_arn        = "arn:${local.partition}:iam::${local.account_id}:"
  budgets_arn    = "arn:${local.partition}:budgets::${local.account_id}:"

  regional_services = ["application-autoscaling", "cloudwatch", "dynamodb", "events", "kinesis", "kms", "lambda", "logs", "secretsmanager", "sns", "sqs", "ssm"]

  # A path of their own: the prefix of the roles that a deployment may make and change does not cover these.
  path = "/delivery/"

  issuer            = "token.actions.githubusercontent.com"
  oidc_provider_arn = var.oidc_provider_arn == null ? one(aws_iam_openid_connect_provider.github[*].arn) : var.oidc_provider_arn

  subjects = {
    plan = concat(
      [for branch in sort(var.plan_branches) : "repo:${var.repository}:ref:refs/heads/${branch}"],
      [for subject in ["repo:${var.repository}:pull_request"] : subject if var.plan_pull_requests],
    )
    deploy = ["repo:${var.repository}:environment:${var.environment}"]
  }

  trust = { for role, subjects in local.subjects : role => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.issuer}:aud" = "sts.amazonaws.com"
        "${local.issuer}:sub" = subjects
      } }
    }]
  }) }

  policies = {
    read      = { description = "Look at what the stacks hold, but not at data", statements = local.reading }
    lock      = { description = "Lock the states", statements = local.locking }
    data      = { description = "Make and change what holds data", statements = local.deploying_data }
    functions = { description = "Make and change what runs and watches", statements = local.deploying_functions }
    promote   = { description = "Write states, artifacts and the ledger, and test what was deployed", statements = local.promoting }
  }

  policies_of = {
    plan   = var.plan_locks ? ["read", "lock"] : ["read"]
    deploy = ["read", "lock", "data", "functions", "promote"]
  }
}

# GitHub's tokens are proof of who asks: no key is kept anywhere

resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = local.tags
}

# Policies: each is one concern, and below the 6144 characters that IAM allows

resource "aws_iam_policy" "this" {
  #checkov:skip=CKV_AWS_355:What stands for all resources are actions that know none, each named in reading.tf and deploying.tf.
  for_each = local.policies

  name        = "${local.prefix}${each.key}"
  path        = local.path
  description = each.value.description
  tags        = local.tags

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = each.value.statements
  })
}

# The role that plans: everything but data may be read, nothing changed

resource "aws_iam_role" "plan" {
  name                 = "${local.prefix}plan"
  path                 = local.path
  description          = "Plans the stacks of ${var.environment} for workflows of ${var.repository}"
  assume_role_policy   = local.trust.plan
  max_session_duration = var.session_hours * 3600
  tags                 = local.tags
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = toset(local.policies_of.plan)

  role       = aws_iam_role.plan.name
  policy_arn = aws_iam_policy.this[each.key].arn
}

# The role that deploys: only jobs of the GitHub environment get it, so only after what that asks for

resource "aws_iam_role" "deploy" {
  name                 = "${local.prefix}deploy"
  path                 = local.path
  description          = "Deploys the stacks of ${var.environment} for workflows of ${var.repository}"
  assume_role_policy   = local.trust.deploy
  max_session_duration = var.session_hours * 3600
  tags                 = local.tags
}

resource "aws_iam_role_policy_attachment" "deploy" {
  for_each = toset(local.policies_of.deploy)

  role       = aws_iam_role.deploy.name
  policy_arn = aws_iam_policy.this[each.key].arn
}

# The most that a function's role can be, whatever a deployment writes into its policy

resource "aws_iam_policy" "functions_boundary" {
  name        = "${local.prefix}functions-boundary"
  path        = local.path
  description = "The most that roles of functions of ${var.environment} may do"
  tags        = local.tags

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.function_limits
  })
}
