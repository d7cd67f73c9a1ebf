locals {
  tags = { Module = "eventbridge" }

  # The most that EventBridge offers.
  retry_seconds  = 24 * 60 * 60
  retry_attempts = 185
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = "${var.project_name}-${var.environment}-${var.name}"
  description   = var.description
  event_pattern = var.event_pattern
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "queue" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "queue"
  arn       = var.queue_arn

  retry_policy {
    maximum_event_age_in_seconds = local.retry_seconds
    maximum_retry_attempts       = local.retry_attempts
  }

  dynamic "dead_letter_config" {
    for_each = var.dead_letter_arn[*]

    content {
      arn = dead_letter_config.value
    }
  }
}
