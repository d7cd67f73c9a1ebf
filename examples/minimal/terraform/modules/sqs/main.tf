data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  tags = { Module = "sqs" }

  suffix                 = var.fifo ? ".fifo" : ""
  base_name              = "${var.project_name}-${var.environment}-${var.name}"
  queue_name             = "${local.base_name}${local.suffix}"
  dead_letter_queue_name = "${local.base_name}-dlq${local.suffix}"

  # ARNs built from names: a queue's own policy, and the dead-letter queue's list of sources, can't refer to the resource.
  account_id            = data.aws_caller_identity.current.account_id
  arn_prefix            = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.name}:${local.account_id}"
  queue_arn             = "${local.arn_prefix}:${local.queue_name}"
  dead_letter_queue_arn = "${local.arn_prefix}:${local.dead_letter_queue_name}"

  # A service may send to the dead-letter queue too: there goes what it could not deliver. (To a FIFO queue none can.)
  services_to = {
    (local.queue_arn)             = var.producer_services
    (local.dead_letter_queue_arn) = { for service, sources in var.producer_services : service => sources if !var.fifo }
  }
  roles_to = {
    (local.queue_arn)             = var.producer_role_arns
    (local.dead_letter_queue_arn) = var.dead_letter_only ? var.producer_role_arns : []
  }

  policies = {
    for arn in [local.queue_arn, local.dead_letter_queue_arn] : arn => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [{
          Sid       = "DenyInsecureTransport"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        }],
        [for service, sources in local.services_to[arn] : {
          Sid       = "AllowService${join("", [for part in split("-", split(".", service)[0]) : title(part)])}"
          Effect    = "Allow"
          Principal = { Service = service }
          Action    = "sqs:SendMessage"
          Resource  = arn
          Condition = merge(
            { ArnLike = { "aws:SourceArn" = sources } },
            # The ARN of a bucket names no account: without this, whoever gets the name after us may send.
            service == "s3.amazonaws.com" ? { StringEquals = { "aws:SourceAccount" = local.account_id } } : {},
          )
        }],
        [for roles in [local.roles_to[arn]] : {
          Sid       = "AllowRoles"
          Effect    = "Allow"
          Principal = { AWS = roles }
          Action    = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
          Resource  = arn
        } if length(roles) > 0],
      )
    })
  }

  redrive_from_queue_only = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [local.queue_arn] })
  redrive_from_no_queue   = jsonencode({ redrivePermission = "denyAll" })

  # The one place where it is derived; the lambda module checks it against what the function really has.
  visibility_timeout_seconds = (
    var.consumer == null
    ? coalesce(var.visibility_timeout_seconds, 180)
    : 6 * var.consumer.timeout_seconds + var.consumer.batching_window_seconds
  )

  long_polling_seconds       = 20
  dead_letter_retention_days = 14

  # SQS asks KMS for a data key once in this time, not once a message.
  data_key_reuse_seconds = 300
}

# Policies are arguments of the queues, not resources of their own: the provider waits 25 s after each of those.

# Dead-letter queue

resource "aws_sqs_queue" "dead_letter" {
  name                              = local.dead_letter_queue_name
  message_retention_seconds         = local.dead_letter_retention_days * 24 * 60 * 60
  receive_wait_time_seconds         = local.long_polling_seconds
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : local.data_key_reuse_seconds
  fifo_queue                        = var.fifo
  policy                            = local.policies[local.dead_letter_queue_arn]
  redrive_allow_policy              = var.dead_letter_only ? local.redrive_from_no_queue : local.redrive_from_queue_only
  tags                              = local.tags
}

# Queue

resource "aws_sqs_queue" "this" {
  count = var.dead_letter_only ? 0 : 1

  name                              = local.queue_name
  visibility_timeout_seconds        = local.visibility_timeout_seconds
  message_retention_seconds         = var.message_retention_seconds
  receive_wait_time_seconds         = local.long_polling_seconds
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : local.data_key_reuse_seconds
  policy                            = local.policies[local.queue_arn]
  tags                              = local.tags

  # High throughput: message groups do not share one limit, and a duplicate is one of its own group.
  fifo_queue                  = var.fifo
  content_based_deduplication = var.content_based_deduplication
  deduplication_scope         = var.fifo ? "messageGroup" : null
  fifo_throughput_limit       = var.fifo ? "perMessageGroupId" : null

  # The resource's own ARN, although it costs a wait: SQS refuses a dead-letter queue that does not exist yet.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = var.max_receive_count
  })
}
