mock_provider "aws" {}

variables {
  project_name = "stockroom"
  environment  = "test"
  name         = "sales-events"
}

run "is_on_demand_and_encrypted_by_default" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.this.name == "stockroom-test-sales-events" && output.name == "stockroom-test-sales-events"
    error_message = "The stream must be named <project>-<environment>-<name>."
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND" && aws_kinesis_stream.this.shard_count == null
    error_message = "Without shard_count the stream must be on demand."
  }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == "alias/aws/kinesis"
    error_message = "The stream must be encrypted with the key that AWS manages."
  }

  assert {
    condition     = aws_kinesis_stream.this.retention_period == 24
    error_message = "The default retention must be a day."
  }

  assert {
    condition     = aws_kinesis_stream.this.tags == tomap({ Module = "kinesis" })
    error_message = "The stream must carry the Module tag."
  }
}

run "is_provisioned_with_a_shard_count" {
  command = plan

  variables {
    shard_count     = 3
    retention_hours = 168
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.this.shard_count == 3
    error_message = "With shard_count the stream must be provisioned."
  }

  assert {
    condition     = aws_kinesis_stream.this.retention_period == 168
    error_message = "The retention must be the one asked for."
  }
}

run "encrypts_with_a_given_key" {
  command = plan

  variables { kms_key_id = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == var.kms_key_id
    error_message = "The given key must be used."
  }
}

run "refuses_zero_shards" {
  command         = plan
  expect_failures = [var.shard_count]
  variables { shard_count = 0 }
}

run "refuses_a_broken_shard" {
  command         = plan
  expect_failures = [var.shard_count]
  variables { shard_count = 1.5 }
}

run "refuses_less_than_a_day" {
  command         = plan
  expect_failures = [var.retention_hours]
  variables { retention_hours = 12 }
}

run "refuses_no_encryption" {
  command         = plan
  expect_failures = [var.kms_key_id]
  variables { kms_key_id = "" }
}

run "refuses_a_bad_name" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "Sales Events" }
}
