mock_provider "aws" {
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:us-east-1:222222222222:rule/made-by-the-mock" }
  }
}

variables {
  project_name  = "stockroom"
  environment   = "test"
  name          = "raw-objects"
  description   = "New objects with sales events"
  event_pattern = "{\"source\":[\"aws.s3\"],\"detail-type\":[\"Object Created\"]}"
  queue_arn     = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-raw-objects"
}

run "passes_events_to_the_queue" {
  command = apply

  variables { dead_letter_arn = "arn:aws:sqs:us-east-1:222222222222:stockroom-test-raw-objects-dlq" }

  assert {
    condition     = aws_cloudwatch_event_rule.this.name == "stockroom-test-raw-objects" && aws_cloudwatch_event_rule.this.description == "New objects with sales events"
    error_message = "The rule must be named <project>-<environment>-<name>, and described."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern) == { source = ["aws.s3"], "detail-type" = ["Object Created"] }
    error_message = "The rule must take the events asked for."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.this.tags == tomap({ Module = "eventbridge" })
    error_message = "The rule must carry the Module tag."
  }

  assert {
    condition     = aws_cloudwatch_event_target.queue.rule == "stockroom-test-raw-objects" && aws_cloudwatch_event_target.queue.arn == var.queue_arn
    error_message = "The queue must be the target of the rule."
  }

  assert {
    condition     = aws_cloudwatch_event_target.queue.retry_policy[0].maximum_event_age_in_seconds == 86400 && aws_cloudwatch_event_target.queue.retry_policy[0].maximum_retry_attempts == 185
    error_message = "Delivery must be tried for a day, 185 times."
  }

  assert {
    condition     = aws_cloudwatch_event_target.queue.dead_letter_config[0].arn == var.dead_letter_arn
    error_message = "What can't be delivered must go to the dead-letter queue."
  }

  assert {
    condition     = output.rule_arn == "arn:aws:events:us-east-1:222222222222:rule/made-by-the-mock" && output.rule_name == "stockroom-test-raw-objects"
    error_message = "ARN and name of the rule must be put out."
  }
}

run "needs_no_dead_letter_queue" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_event_target.queue.dead_letter_config) == 0
    error_message = "Without dead_letter_arn there must be no dead-letter queue."
  }
}

run "refuses_a_project_in_upper_case" {
  command         = plan
  expect_failures = [var.project_name]
  variables { project_name = "Stockroom" }
}

run "refuses_an_environment_with_a_hyphen" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "pre-prod" }
}

run "refuses_a_name_with_an_underscore" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "a_b" }
}

run "refuses_no_description" {
  command         = plan
  expect_failures = [var.description]
  variables { description = "" }
}

run "refuses_a_description_that_is_too_long" {
  command         = plan
  expect_failures = [var.description]
  variables { description = format("%513s", "x") }
}

run "refuses_a_pattern_that_is_no_json" {
  command         = plan
  expect_failures = [var.event_pattern]
  variables { event_pattern = "source = aws.s3" }
}

run "refuses_a_pattern_that_takes_the_events_of_every_service" {
  command         = plan
  expect_failures = [var.event_pattern]
  variables { event_pattern = "{\"detail-type\":[\"Object Created\"]}" }
}

run "refuses_a_source_that_is_no_list" {
  command         = plan
  expect_failures = [var.event_pattern]
  variables { event_pattern = "{\"source\":\"aws.s3\"}" }
}

run "refuses_a_pattern_with_no_source_in_its_list" {
  command         = plan
  expect_failures = [var.event_pattern]
  variables { event_pattern = "{\"source\":[]}" }
}

run "refuses_a_pattern_that_is_too_long" {
  command         = plan
  expect_failures = [var.event_pattern]
  variables { event_pattern = jsonencode({ source = [format("%2049s", "x")] }) }
}

run "refuses_a_target_that_is_no_queue" {
  command         = plan
  expect_failures = [var.queue_arn]
  variables { queue_arn = "arn:aws:lambda:us-east-1:222222222222:function:f" }
}

run "refuses_a_fifo_queue" {
  command         = plan
  expect_failures = [var.queue_arn]
  variables { queue_arn = "arn:aws:sqs:us-east-1:222222222222:q.fifo" }
}

run "refuses_dead_letters_that_go_to_no_queue" {
  command         = plan
  expect_failures = [var.dead_letter_arn]
  variables { dead_letter_arn = "arn:aws:sns:us-east-1:222222222222:t" }
}

run "refuses_a_fifo_queue_for_dead_letters" {
  command         = plan
  expect_failures = [var.dead_letter_arn]
  variables { dead_letter_arn = "arn:aws:sqs:us-east-1:222222222222:q.fifo" }
}
