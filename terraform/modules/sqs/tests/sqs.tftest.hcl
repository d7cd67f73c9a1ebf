mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:222222222222:made-by-the-mock" }
  }
}

variables {
  project_name = "stockroom"
  environment  = "test"
  name         = "orders"
}

run "makes_a_queue_and_its_dead_letter_queue" {
  command = plan

  assert {
    condition     = aws_sqs_queue.this[0].name == "stockroom-test-orders" && aws_sqs_queue.dead_letter.name == "stockroom-test-orders-dlq"
    error_message = "Queues must be named <project>-<environment>-<name> and the same with -dlq."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : queue.sqs_managed_sse_enabled])
    error_message = "Both queues must be encrypted."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : queue.receive_wait_time_seconds == 20])
    error_message = "Both queues must use long polling."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : queue.tags == tomap({ Module = "sqs" })])
    error_message = "Both queues must carry the Module tag."
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.message_retention_seconds == 1209600 && aws_sqs_queue.this[0].message_retention_seconds == 345600
    error_message = "The dead-letter queue must keep messages 14 days, the queue 4."
  }
}

run "denies_requests_without_tls" {
  command = plan

  assert {
    condition = [for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : jsondecode(queue.policy).Statement] == [
      for name in ["stockroom-test-orders", "stockroom-test-orders-dlq"] : [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = "arn:aws:sqs:us-east-1:222222222222:${name}"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }]
    ]
    error_message = "Each queue's policy must deny everything without TLS."
  }
}

run "sends_failures_to_the_dead_letter_queue" {
  # Applied (to the mock) because the ARN of the dead-letter queue is not known before.
  command = apply

  variables {
    max_receive_count          = 3
    visibility_timeout_seconds = 60
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this[0].redrive_policy) == {
      deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
      maxReceiveCount     = 3
    }
    error_message = "The queue must redrive to its dead-letter queue after max_receive_count receives."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.dead_letter.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = ["arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders"]
    }
    error_message = "Only its own queue may use the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.this[0].visibility_timeout_seconds == 60
    error_message = "The visibility timeout must be the one asked for."
  }
}

run "makes_only_a_dead_letter_queue" {
  command = apply

  variables {
    name             = "sales-events"
    dead_letter_only = true
  }

  assert {
    condition     = length(aws_sqs_queue.this) == 0 && output.dead_letter_name == "stockroom-test-sales-events-dlq"
    error_message = "There must be the dead-letter queue and nothing else."
  }

  assert {
    condition     = output.name == null && output.arn == null && output.url == null
    error_message = "The outputs of the queue must be null."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.dead_letter.redrive_allow_policy) == { redrivePermission = "denyAll" }
    error_message = "No queue may use it as its dead-letter queue."
  }
}

run "refuses_a_name_that_ends_with_dlq" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "orders-dlq" }
}

run "refuses_a_bad_name" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "Orders" }
}

run "refuses_a_retention_as_long_as_that_of_the_dead_letters" {
  command         = plan
  expect_failures = [var.message_retention_seconds]
  variables { message_retention_seconds = 1209600 }
}

run "refuses_an_endless_visibility_timeout" {
  command         = plan
  expect_failures = [var.visibility_timeout_seconds]
  variables { visibility_timeout_seconds = 43201 }
}

run "refuses_never_receiving" {
  command         = plan
  expect_failures = [var.max_receive_count]
  variables { max_receive_count = 0 }
}
