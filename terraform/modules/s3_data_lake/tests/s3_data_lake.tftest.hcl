mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
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
