data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  tags = { Module = "kms" }

  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id

  # CloudWatch Logs has a principal of its own in each region.
  logs_principal = "logs.${local.region}.${data.aws_partition.current.dns_suffix}"
  uses_logs      = anytrue([for service in var.service_principals : can(regex("^logs($|\\.)", service))])

  # EventBridge calls KMS for the queue or topic that it sends to without saying for whom: with aws:SourceAccount its events are
  # lost. Which rules may send to a queue is what the queue's policy says.
  uses_events = contains(var.service_principals, "events.amazonaws.com")

  # All others say for which account they call.
  account_bound_services = sort([
    for service in var.service_principals : service if service != "events.amazonaws.com" && !can(regex("^logs($|\\.)", service))
  ])

  account_statement = {
    Sid       = "AccountAdministersThroughIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  services_statement = {
    Sid       = "ServicesOfThisAccount"
    Effect    = "Allow"
    Principal = { Service = local.account_bound_services }
    Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]
    Resource  = "*"
    Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
  }

  events_statement = {
    Sid       = "EventBridgeSendsToEncryptedTargets"
    Effect    = "Allow"
    Principal = { Service = "events.amazonaws.com" }
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = "*"
  }

  logs_statement = {
    Sid       = "LogGroupsOfThisAccount"
    Effect    = "Allow"
    Principal = { Service = local.logs_principal }
    Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    Resource  = "*"
    Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:*" } }
  }
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [local.account_statement],
      [for statement in [local.services_statement] : statement if length(local.account_bound_services) > 0],
      [for statement in [local.events_statement] : statement if local.uses_events],
      [for statement in [local.logs_statement] : statement if local.uses_logs],
    )
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.project_name}-${var.environment}-${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
