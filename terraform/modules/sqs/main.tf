data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  tags = { Module = "sqs" }

  queue_name             = "${var.project_name}-${var.environment}-${var.name}"
  dead_letter_queue_name = "${local.queue_name}-dlq"

  # ARNs built from names: a queue's own policy, and the dead-letter queue's list of sources, can't refer to the resource.
  arn_prefix            = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
  queue_arn             = "${local.arn_prefix}:${local.queue_name}"
  dead_letter_queue_arn = "${local.arn_prefix}:${local.dead_letter_queue_name}"

  tls_only_policy = {
    for arn in [local.queue_arn, local.dead_letter_queue_arn] : arn => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }]
    })
  }

  redrive_from_queue_only = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [local.queue_arn] })
  redrive_from_no_queue   = jsonencode({ redrivePermission = "denyAll" })

  long_polling_seconds       = 20
  dead_letter_retention_days = 14
}

# Policies are arguments of the queues, not resources of their own: the provider waits 25 s after each of those.

# Dead-letter queue

resource "aws_sqs_queue" "dead_letter" {
  name                      = local.dead_letter_queue_name
  message_retention_seconds = local.dead_letter_retention_days * 24 * 60 * 60
  receive_wait_time_seconds = local.long_polling_seconds
  sqs_managed_sse_enabled   = true
  policy                    = local.tls_only_policy[local.dead_letter_queue_arn]
  redrive_allow_policy      = var.dead_letter_only ? local.redrive_from_no_queue : local.redrive_from_queue_only
  tags                      = local.tags
}

# Queue

resource "aws_sqs_queue" "this" {
  count = var.dead_letter_only ? 0 : 1

  name                       = local.queue_name
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = var.message_retention_seconds
  receive_wait_time_seconds  = local.long_polling_seconds
  sqs_managed_sse_enabled    = true
  policy                     = local.tls_only_policy[local.queue_arn]
  tags                       = local.tags

  # The resource's own ARN, although it costs a wait: SQS refuses a dead-letter queue that does not exist yet.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = var.max_receive_count
  })
}
