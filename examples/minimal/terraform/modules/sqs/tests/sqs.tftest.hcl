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

run "is_a_standard_queue_with_the_keys_of_sqs_by_default" {
  command = plan

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : !queue.fifo_queue && queue.kms_master_key_id == null])
    error_message = "Without fifo and kms_key_arn both queues must be standard queues, encrypted by SQS."
  }
}

run "makes_fifo_queues" {
  command = plan

  variables {
    name = "restock-requests"
    fifo = true
  }

  assert {
    condition     = aws_sqs_queue.this[0].name == "stockroom-test-restock-requests.fifo" && aws_sqs_queue.dead_letter.name == "stockroom-test-restock-requests-dlq.fifo"
    error_message = "SQS wants names of FIFO queues to end with .fifo."
  }

  assert {
    condition     = aws_sqs_queue.this[0].fifo_queue && aws_sqs_queue.dead_letter.fifo_queue
    error_message = "The dead-letter queue of a FIFO queue must be one too."
  }

  assert {
    condition     = aws_sqs_queue.this[0].deduplication_scope == "messageGroup" && aws_sqs_queue.this[0].fifo_throughput_limit == "perMessageGroupId"
    error_message = "A FIFO queue must have high throughput: limits and deduplication by message group."
  }

  assert {
    condition     = !aws_sqs_queue.this[0].content_based_deduplication
    error_message = "Senders must give a deduplication id unless the caller decides otherwise."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.dead_letter.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = ["arn:aws:sqs:us-east-1:222222222222:stockroom-test-restock-requests.fifo"]
    }
    error_message = "The dead-letter queue must know its queue by the name with .fifo."
  }

  assert {
    condition = [for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : jsondecode(queue.policy).Statement[0].Resource] == [
      for name in ["restock-requests.fifo", "restock-requests-dlq.fifo"] : "arn:aws:sqs:us-east-1:222222222222:stockroom-test-${name}"
    ]
    error_message = "The policies must be about the queues with .fifo."
  }
}

run "can_deduplicate_by_content" {
  command = plan

  variables {
    fifo                        = true
    content_based_deduplication = true
  }

  assert {
    condition     = aws_sqs_queue.this[0].content_based_deduplication
    error_message = "Deduplication by content must be on when asked for."
  }
}

run "encrypts_with_a_given_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : queue.kms_master_key_id == var.kms_key_arn])
    error_message = "Both queues must use the given key."
  }
}

run "lets_a_service_send_for_its_sources_only" {
  command = plan

  variables {
    name = "raw-objects"
    producer_services = {
      "events.amazonaws.com" = ["arn:aws:events:us-east-1:222222222222:rule/stockroom-test-raw-objects"]
    }
  }

  assert {
    condition = [for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : [for s in jsondecode(queue.policy).Statement : s if s.Effect == "Allow"]] == [
      for name in ["raw-objects", "raw-objects-dlq"] : [{
        Sid       = "AllowServiceEvents"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-${name}"
        Condition = { ArnLike = { "aws:SourceArn" = ["arn:aws:events:us-east-1:222222222222:rule/stockroom-test-raw-objects"] } }
      }]
    ]
    error_message = "The service may send to both queues, and only for the given sources."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this[0], aws_sqs_queue.dead_letter] : jsondecode(queue.policy).Statement[0].Sid == "DenyInsecureTransport"])
    error_message = "Requests without TLS must be denied to producers too."
  }
}

run "lets_no_service_send_dead_letters_to_a_fifo_queue" {
  command = plan

  variables {
    fifo = true
    producer_services = {
      "events.amazonaws.com" = ["arn:aws:events:us-east-1:222222222222:rule/stockroom-test-orders"]
    }
  }

  assert {
    condition     = length(jsondecode(aws_sqs_queue.this[0].policy).Statement) == 2 && length(jsondecode(aws_sqs_queue.dead_letter.policy).Statement) == 1
    error_message = "The service may send to the queue only."
  }
}

run "takes_a_bucket_of_its_own_account_only" {
  command = plan

  variables {
    producer_services = { "s3.amazonaws.com" = ["arn:aws:s3:::stockroom-test-raw"] }
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this[0].policy).Statement[1].Condition == {
      ArnLike      = { "aws:SourceArn" = ["arn:aws:s3:::stockroom-test-raw"] }
      StringEquals = { "aws:SourceAccount" = "222222222222" }
    }
    error_message = "A bucket's ARN names no account: the policy must."
  }
}

run "lets_roles_send_to_the_queue_only" {
  command = plan

  variables {
    producer_role_arns = ["arn:aws:iam::333333333333:role/till"]
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this[0].policy).Statement[1] == {
      Sid       = "AllowRoles"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::333333333333:role/till"] }
      Action    = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource  = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-orders"
    }
    error_message = "The roles may look the queue up and send to it, and nothing else."
  }

  assert {
    condition     = length(jsondecode(aws_sqs_queue.dead_letter.policy).Statement) == 1
    error_message = "The roles may not send to the dead-letter queue."
  }
}

run "lets_producers_send_to_a_dead_letter_queue_that_stands_alone" {
  command = plan

  variables {
    dead_letter_only   = true
    producer_role_arns = ["arn:aws:iam::333333333333:role/till"]
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue.dead_letter.policy).Statement : s.Sid] == ["DenyInsecureTransport", "AllowRoles"]
    error_message = "There is no other queue that the roles could mean."
  }
}

run "refuses_a_fifo_dead_letter_queue_alone" {
  command         = plan
  expect_failures = [var.fifo]
  variables {
    fifo             = true
    dead_letter_only = true
  }
}

run "refuses_deduplication_in_a_standard_queue" {
  command         = plan
  expect_failures = [var.content_based_deduplication]
  variables { content_based_deduplication = true }
}

run "refuses_a_name_that_is_too_long_with_its_endings" {
  command         = plan
  expect_failures = [var.name]
  variables {
    project_name = "twenty-letters-here0"
    environment  = "twelveletter"
    name         = "forty-letters-forty-letters-forty-letter"
    fifo         = true
  }
}

run "takes_the_longest_name_of_a_standard_queue" {
  command = plan
  variables {
    project_name = "twenty-letters-here0"
    environment  = "twelveletter"
    name         = "forty-letters-forty-letters-forty-letter"
  }

  assert {
    condition     = length(aws_sqs_queue.dead_letter.name) == 78
    error_message = "The longest project, environment and name must fit in a queue's name."
  }
}

run "refuses_a_key_alias" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables { kms_key_arn = "alias/aws/sqs" }
}

run "refuses_a_producer_that_is_no_service" {
  command         = plan
  expect_failures = [var.producer_services]
  variables { producer_services = { events = ["arn:aws:events:us-east-1:222222222222:rule/orders"] } }
}

run "refuses_a_service_without_sources" {
  command         = plan
  expect_failures = [var.producer_services]
  variables { producer_services = { "events.amazonaws.com" = [] } }
}

run "refuses_any_source" {
  command         = plan
  expect_failures = [var.producer_services]
  variables { producer_services = { "events.amazonaws.com" = ["*"] } }
}

run "refuses_a_producer_that_is_no_role" {
  command         = plan
  expect_failures = [var.producer_role_arns]
  variables { producer_role_arns = ["*"] }
}

run "refuses_a_bad_project_name" {
  command         = plan
  expect_failures = [var.project_name]
  variables { project_name = "Stock Room" }
}

run "refuses_a_bad_environment" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "my_env" }
}

run "refuses_a_retention_shorter_than_a_minute" {
  command         = plan
  expect_failures = [var.message_retention_seconds]
  variables { message_retention_seconds = 59 }
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

run "hides_messages_as_long_as_its_function_needs" {
  command = plan
  variables { consumer = { timeout_seconds = 30, batching_window_seconds = 5 } }

  assert {
    condition     = aws_sqs_queue.this[0].visibility_timeout_seconds == 6 * 30 + 5 && output.visibility_timeout_seconds == 185
    error_message = "With a consumer the visibility timeout must be 6 times the function's timeout, and the batching window."
  }
}

run "refuses_a_visibility_timeout_beside_a_consumer" {
  command         = plan
  expect_failures = [var.visibility_timeout_seconds]
  variables {
    consumer                   = { timeout_seconds = 30 }
    visibility_timeout_seconds = 30
  }
}

run "refuses_few_receives_for_a_function" {
  command         = plan
  expect_failures = [var.max_receive_count]
  variables {
    consumer          = { timeout_seconds = 30 }
    max_receive_count = 4
  }
}

run "refuses_a_consumer_without_a_timeout" {
  command         = plan
  expect_failures = [var.consumer]
  variables { consumer = { timeout_seconds = 0 } }
}

run "refuses_a_consumer_with_too_long_a_window" {
  command         = plan
  expect_failures = [var.consumer]
  variables { consumer = { timeout_seconds = 30, batching_window_seconds = 301 } }
}

run "refuses_a_consumer_of_dead_letters" {
  command         = plan
  expect_failures = [var.consumer]
  variables {
    consumer         = { timeout_seconds = 30 }
    dead_letter_only = true
  }
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
