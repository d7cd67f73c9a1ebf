mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn    = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
}

variables {
  project_name = "stockroom"
  environment  = "test"
  name         = "data"
  description  = "Data of the platform at rest"
}

run "makes_a_key_that_rotates_and_can_be_brought_back" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and must not end before 30 days."
  }

  assert {
    condition     = aws_kms_key.this.description == "Data of the platform at rest" && aws_kms_key.this.tags == tomap({ Module = "kms" })
    error_message = "The key must carry its description and the Module tag."
  }
}

run "gives_the_key_a_name" {
  # Applied (to the mock) because the key's id is not known before.
  command = apply

  assert {
    condition     = aws_kms_alias.this.name == "alias/stockroom-test-data" && aws_kms_alias.this.target_key_id == "1234abcd-12ab-34cd-56ef-1234567890ab"
    error_message = "The alias must be named <project>-<environment>-<name> and lead to the key."
  }

  assert {
    condition     = output.alias_name == "alias/stockroom-test-data" && output.key_arn == "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    error_message = "The outputs must be the alias and the ARN of the key, not of the alias."
  }
}

run "trusts_the_account_and_no_service_by_default" {
  command = plan

  assert {
    condition = jsondecode(aws_kms_key.this.policy).Statement == [{
      Sid       = "AccountAdministersThroughIam"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::222222222222:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
    error_message = "Without services the account's IAM policies alone must say who uses the key."
  }
}

run "lets_services_use_the_key_for_this_account_only" {
  command = plan

  variables { service_principals = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }

  assert {
    condition = [for s in jsondecode(aws_kms_key.this.policy).Statement : s if s.Sid != "AccountAdministersThroughIam"] == [{
      Sid       = "ServicesOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"] }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceAccount" = "222222222222" } }
    }]
    error_message = "Alarms and budgets need Decrypt and GenerateDataKey, for this account only."
  }
}

run "lets_eventbridge_send_to_encrypted_queues" {
  command = plan

  variables { service_principals = ["events.amazonaws.com"] }

  # No condition: EventBridge sends KMS neither aws:SourceAccount nor aws:SourceArn.
  assert {
    condition = [for s in jsondecode(aws_kms_key.this.policy).Statement : s if s.Sid != "AccountAdministersThroughIam"] == [{
      Sid       = "EventBridgeSendsToEncryptedTargets"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
    }]
    error_message = "EventBridge needs Decrypt and GenerateDataKey without a condition on the account."
  }
}

run "lets_cloudwatch_logs_encrypt_log_groups_of_this_account" {
  command = plan

  variables { service_principals = ["logs"] }

  assert {
    condition = [for s in jsondecode(aws_kms_key.this.policy).Statement : s if s.Sid != "AccountAdministersThroughIam"] == [{
      Sid       = "LogGroupsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "logs.us-east-1.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:us-east-1:222222222222:log-group:*" } }
    }]
    error_message = "CloudWatch Logs must be the region's principal, bound by the encryption context."
  }
}

run "knows_cloudwatch_logs_by_its_principal_too" {
  command = plan

  variables { service_principals = ["logs.us-east-1.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com"] }

  assert {
    condition = [for s in jsondecode(aws_kms_key.this.policy).Statement : s.Sid] == [
      "AccountAdministersThroughIam", "ServicesOfThisAccount", "EventBridgeSendsToEncryptedTargets", "LogGroupsOfThisAccount",
    ]
    error_message = "Each kind of service must have its statement."
  }

  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[1].Principal.Service == ["cloudwatch.amazonaws.com"]
    error_message = "CloudWatch Logs and EventBridge must not be bound by aws:SourceAccount."
  }
}

run "refuses_a_bad_name" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "aws/data" }
}

run "refuses_no_description" {
  command         = plan
  expect_failures = [var.description]
  variables { description = "" }
}

run "refuses_a_service_that_is_no_principal" {
  command         = plan
  expect_failures = [var.service_principals]
  variables { service_principals = ["events"] }
}

run "refuses_everyone" {
  command         = plan
  expect_failures = [var.service_principals]
  variables { service_principals = ["*"] }
}

run "refuses_a_service_named_twice" {
  command         = plan
  expect_failures = [var.service_principals]
  variables { service_principals = ["sns.amazonaws.com", "sns.amazonaws.com"] }
}

run "refuses_a_key_that_ends_within_a_week" {
  command         = plan
  expect_failures = [var.deletion_window_days]
  variables { deletion_window_days = 6 }
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
