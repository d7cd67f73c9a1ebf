mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }
}

variables {
  project_name = "stockroom"
  environment  = "test"
  bucket_names = {
    raw     = "stockroom-test-raw-1a2b3c4d"
    curated = "stockroom-test-curated-1a2b3c4d"
  }
}

run "makes_one_protected_bucket_a_zone" {
  command = plan

  assert {
    condition = { for zone, bucket in aws_s3_bucket.this : zone => bucket.bucket } == {
      raw     = "stockroom-test-raw-1a2b3c4d"
      curated = "stockroom-test-curated-1a2b3c4d"
    }
    error_message = "The buckets must be exactly those of bucket_names."
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : bucket.tags == tomap({ Module = "s3_data_lake" })])
    error_message = "Every bucket must carry the Module tag."
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : bucket.force_destroy == false])
    error_message = "A bucket with objects must not be destroyed by default."
  }

  assert {
    condition     = [for v in aws_s3_bucket_versioning.this : v.versioning_configuration[0].status] == ["Enabled", "Enabled"]
    error_message = "Versioning must be on."
  }

  assert {
    condition = length(aws_s3_bucket_public_access_block.this) == 2 && alltrue([
      for b in aws_s3_bucket_public_access_block.this :
      b.block_public_acls && b.block_public_policy && b.ignore_public_acls && b.restrict_public_buckets
    ])
    error_message = "All four public access blocks must be on for each bucket."
  }

  assert {
    condition     = [for o in aws_s3_bucket_ownership_controls.this : one(o.rule).object_ownership] == ["BucketOwnerEnforced", "BucketOwnerEnforced"]
    error_message = "ACLs must be off."
  }
}

run "denies_requests_without_tls" {
  command = plan

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this["raw"].policy).Statement == [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::stockroom-test-raw-1a2b3c4d", "arn:aws:s3:::stockroom-test-raw-1a2b3c4d/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "The bucket policy must deny everything without TLS, on the bucket and on its objects."
  }
}

run "encrypts_with_aes256_by_default" {
  command = plan

  assert {
    condition = [
      for e in aws_s3_bucket_server_side_encryption_configuration.this :
      one(one(e.rule).apply_server_side_encryption_by_default).sse_algorithm
    ] == ["AES256", "AES256"]
    error_message = "Without a key the algorithm must be AES256."
  }
}

run "encrypts_with_a_given_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition = alltrue([
      for e in aws_s3_bucket_server_side_encryption_configuration.this :
      one(one(e.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" &&
      one(one(e.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn &&
      one(e.rule).bucket_key_enabled
    ])
    error_message = "The given key must be used, with bucket keys."
  }
}

run "makes_no_access_logs_by_default" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket.access_logs) == 0 && length(aws_s3_bucket_logging.this) == 0 && keys(output.bucket_names) == ["curated", "raw"]
    error_message = "Without access_log_bucket_name there must be no bucket for logs, and no logs."
  }
}

run "logs_all_zones_to_a_bucket_of_its_own" {
  # Applied (to the mock) because the buckets' ids are not known before.
  command = apply

  variables {
    access_log_bucket_name = "stockroom-test-access-logs-1a2b3c4d"
    kms_key_arn            = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition = alltrue([
      for zone, logging in aws_s3_bucket_logging.this :
      logging.bucket == aws_s3_bucket.this[zone].id && logging.target_bucket == aws_s3_bucket.access_logs[0].id && logging.target_prefix == "${zone}/"
    ]) && keys(aws_s3_bucket_logging.this) == ["curated", "raw"]
    error_message = "Each zone must log to the bucket of the access logs, under its name."
  }

  assert {
    condition     = output.bucket_names["access_logs"] == "stockroom-test-access-logs-1a2b3c4d" && keys(output.bucket_arns) == ["access_logs", "curated", "raw"]
    error_message = "The outputs must hold the bucket of the access logs."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.access_logs[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "S3 can not deliver logs to a bucket with a KMS key."
  }

  assert {
    condition = (
      aws_s3_bucket_versioning.access_logs[0].versioning_configuration[0].status == "Enabled" &&
      aws_s3_bucket_public_access_block.access_logs[0].block_public_acls &&
      aws_s3_bucket_public_access_block.access_logs[0].block_public_policy &&
      aws_s3_bucket_public_access_block.access_logs[0].ignore_public_acls &&
      aws_s3_bucket_public_access_block.access_logs[0].restrict_public_buckets &&
      one(aws_s3_bucket_ownership_controls.access_logs[0].rule).object_ownership == "BucketOwnerEnforced" &&
      aws_s3_bucket.access_logs[0].force_destroy == false &&
      aws_s3_bucket.access_logs[0].tags == tomap({ Module = "s3_data_lake" })
    )
    error_message = "The bucket of the access logs must be protected like those of the zones."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.access_logs[0].policy).Statement == concat(
      [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::stockroom-test-access-logs-1a2b3c4d", "arn:aws:s3:::stockroom-test-access-logs-1a2b3c4d/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for zone, sid in { curated = "LogsOfCurated", raw = "LogsOfRaw" } : {
        Sid                       = sid
        Effect                    = "Allow"
        Principal                 = { Service = "logging.s3.amazonaws.com" }
        Action                    = "s3:PutObject"
        Resource                  = "arn:aws:s3:::stockroom-test-access-logs-1a2b3c4d/${zone}/*"
        Condition = {
          ArnLike      = { "aws:SourceArn" = "arn:aws:s3:::stockroom-test-${zone}-1a2b3c4d" }
          StringEquals = { "aws:SourceAccount" = "222222222222" }
        }
      }],
    )
    error_message = "Log delivery may write each zone's logs, for the zone's bucket and this account; nothing without TLS."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.access_logs[0].rule :
      [rule.status, rule.expiration[0].days, rule.noncurrent_version_expiration[0].noncurrent_days, rule.abort_incomplete_multipart_upload[0].days_after_initiation]
    ] == [["Enabled", 90, 30, 7]]
    error_message = "Access logs must go after 90 days, their old versions and unfinished uploads too."
  }
}

run "makes_old_objects_cheaper_and_removes_leftovers" {
  command = plan

  assert {
    condition = alltrue([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.this :
      [for rule in lifecycle.rule : [for t in rule.transition : "${t.days} ${t.storage_class}"]] == [["30 INTELLIGENT_TIERING"], []]
    ]) && keys(aws_s3_bucket_lifecycle_configuration.this) == ["curated", "raw"]
    error_message = "Objects must move to Intelligent-Tiering after 30 days, and no zone to Glacier."
  }

  assert {
    condition = alltrue([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.this :
      lifecycle.rule[1].noncurrent_version_expiration[0].noncurrent_days == 30 &&
      lifecycle.rule[1].expiration[0].expired_object_delete_marker &&
      lifecycle.rule[1].abort_incomplete_multipart_upload[0].days_after_initiation == 7
    ])
    error_message = "Old versions must go after 30 days, unfinished uploads after 7, and markers of deletions that hide nothing."
  }

  assert {
    condition = alltrue(flatten([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.this : [for rule in lifecycle.rule : rule.status == "Enabled" && length(rule.filter) == 1]
    ]))
    error_message = "Every rule must be on, for every object."
  }

  assert {
    condition     = alltrue([for lifecycle in aws_s3_bucket_lifecycle_configuration.this : length(lifecycle.rule[0].expiration) == 0])
    error_message = "No object of a zone may go by age."
  }
}

run "takes_the_days_of_the_caller" {
  command = plan

  variables {
    access_log_bucket_name         = "stockroom-test-access-logs-1a2b3c4d"
    access_log_retention_days      = 400
    intelligent_tiering_after_days = 0
    glacier_after_days             = { raw = 180 }
    noncurrent_version_expiry_days = 14
    abort_incomplete_upload_days   = 2
  }

  assert {
    condition = {
      for zone, lifecycle in aws_s3_bucket_lifecycle_configuration.this : zone => [for t in lifecycle.rule[0].transition : "${t.days} ${t.storage_class}"]
      } == {
      curated = ["0 INTELLIGENT_TIERING"]
      raw     = ["0 INTELLIGENT_TIERING", "180 GLACIER_IR"]
    }
    error_message = "Only the raw zone must move to Glacier, after Intelligent-Tiering."
  }

  assert {
    condition = alltrue([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.this :
      lifecycle.rule[1].noncurrent_version_expiration[0].noncurrent_days == 14 && lifecycle.rule[1].abort_incomplete_multipart_upload[0].days_after_initiation == 2
    ])
    error_message = "Leftovers must go after the days asked for."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.access_logs[0].rule[0].expiration[0].days == 400
    error_message = "Access logs must be kept as long as asked for."
  }
}

run "tells_eventbridge_what_happens" {
  command = plan

  assert {
    condition     = { for zone, n in aws_s3_bucket_notification.this : zone => n.eventbridge } == { curated = true, raw = true }
    error_message = "Every zone must send its events to EventBridge."
  }
}

run "can_be_made_disposable" {
  command = plan

  variables {
    force_destroy          = true
    access_log_bucket_name = "stockroom-test-access-logs-1a2b3c4d"
  }

  assert {
    condition     = alltrue([for bucket in concat(values(aws_s3_bucket.this), aws_s3_bucket.access_logs) : bucket.force_destroy])
    error_message = "An environment must be able to give up its buckets with all that they hold."
  }
}

run "refuses_a_zone_called_access_logs" {
  command         = plan
  expect_failures = [var.bucket_names]
  variables { bucket_names = { access_logs = "stockroom-test-logs" } }
}

run "refuses_a_zone_in_upper_case" {
  command         = plan
  expect_failures = [var.bucket_names]
  variables { bucket_names = { Raw = "stockroom-test-raw" } }
}

run "refuses_logs_in_the_bucket_of_a_zone" {
  command         = plan
  expect_failures = [var.access_log_bucket_name]
  variables { access_log_bucket_name = "stockroom-test-raw-1a2b3c4d" }
}

run "refuses_a_log_bucket_of_another_environment" {
  command         = plan
  expect_failures = [var.access_log_bucket_name]
  variables { access_log_bucket_name = "stockroom-prod-access-logs" }
}

run "refuses_to_keep_no_logs" {
  command         = plan
  expect_failures = [var.access_log_retention_days]
  variables { access_log_retention_days = 0 }
}

run "refuses_a_broken_day" {
  command         = plan
  expect_failures = [var.intelligent_tiering_after_days]
  variables { intelligent_tiering_after_days = 1.5 }
}

run "refuses_glacier_for_an_unknown_zone" {
  command         = plan
  expect_failures = [var.glacier_after_days]
  variables { glacier_after_days = { bronze = 90 } }
}

run "refuses_glacier_before_intelligent_tiering" {
  command         = plan
  expect_failures = [var.glacier_after_days]
  variables { glacier_after_days = { raw = 30 } }
}

run "refuses_to_keep_no_old_versions" {
  command         = plan
  expect_failures = [var.noncurrent_version_expiry_days]
  variables { noncurrent_version_expiry_days = 0 }
}

run "refuses_to_abort_uploads_at_once" {
  command         = plan
  expect_failures = [var.abort_incomplete_upload_days]
  variables { abort_incomplete_upload_days = 0 }
}

run "refuses_no_buckets" {
  command         = plan
  expect_failures = [var.bucket_names]
  variables { bucket_names = {} }
}

run "refuses_a_name_that_s3_refuses" {
  command         = plan
  expect_failures = [var.bucket_names]
  variables { bucket_names = { raw = "stockroom-test-Raw_data" } }
}

run "refuses_one_bucket_for_two_zones" {
  command         = plan
  expect_failures = [var.bucket_names]
  variables { bucket_names = { raw = "stockroom-test-lake", curated = "stockroom-test-lake" } }
}

run "refuses_a_name_of_another_environment" {
  command         = plan
  expect_failures = [var.bucket_names]
  variables { bucket_names = { raw = "stockroom-prod-raw-1a2b3c4d" } }
}

run "refuses_a_key_alias" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables { kms_key_arn = "alias/aws/s3" }
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
