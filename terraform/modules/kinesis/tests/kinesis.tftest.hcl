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

  variables { kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == var.kms_key_arn
    error_message = "The given key must be used."
  }
}

run "still_takes_a_key_by_its_alias" {
  command = plan

  variables { kms_key_id = "alias/streams" }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == "alias/streams"
    error_message = "A key named in kms_key_id must be used."
  }
}

run "has_no_metrics_for_each_shard_by_default" {
  command = plan

  assert {
    condition     = length(aws_kinesis_stream.this.shard_level_metrics) == 0
    error_message = "Metrics for each shard cost money: none unless asked for."
  }
}

run "has_the_metrics_asked_for_each_shard" {
  command = plan

  variables { shard_level_metrics = ["WriteProvisionedThroughputExceeded", "IteratorAgeMilliseconds"] }

  assert {
    condition     = aws_kinesis_stream.this.shard_level_metrics == toset(["IteratorAgeMilliseconds", "WriteProvisionedThroughputExceeded"])
    error_message = "The metrics must be those asked for."
  }
}

run "refuses_an_unknown_metric" {
  command         = plan
  expect_failures = [var.shard_level_metrics]
  variables { shard_level_metrics = ["IncomingMessages"] }
}

run "refuses_an_alias_for_an_arn" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables { kms_key_arn = "alias/streams" }
}

run "refuses_two_keys" {
  command         = plan
  expect_failures = [var.kms_key_id]
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    kms_key_id  = "alias/streams"
  }
}

run "refuses_more_than_a_year" {
  command         = plan
  expect_failures = [var.retention_hours]
  variables { retention_hours = 8761 }
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
