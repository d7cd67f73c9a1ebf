data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

locals {
  tags = { Module = "s3_data_lake" }

  # Built from the names, so that a plan shows the whole policy.
  arn_prefix     = "arn:${data.aws_partition.current.partition}:s3:::"
  bucket_arns    = { for zone, name in var.bucket_names : zone => "${local.arn_prefix}${name}" }
  access_log_arn = "${local.arn_prefix}${coalesce(var.access_log_bucket_name, "none")}"

  makes_access_logs = var.access_log_bucket_name != null

  tls_only = { for zone, arn in merge(local.bucket_arns, { access_logs = local.access_log_arn }) : zone => {
    Sid       = "DenyInsecureTransport"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:*"
    Resource  = [arn, "${arn}/*"]
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  } }

  transitions = {
    for zone in keys(var.bucket_names) : zone => concat(
      [{ days = var.intelligent_tiering_after_days, storage_class = "INTELLIGENT_TIERING" }],
      [for days in [lookup(var.glacier_after_days, zone, null)] : { days = days, storage_class = "GLACIER_IR" } if days != null],
    )
  }
}

# Buckets

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:A copy in a second region is a decision of its own; versioning and the raw zone bring data back
  for_each = var.bucket_names

  bucket        = each.value
  force_destroy = var.force_destroy
  tags          = local.tags
}

# Versioning: an overwritten or deleted object can be brought back

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

# Encryption at rest

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    # One data key per bucket and period instead of one KMS call per object.
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

# Access: the account only, by IAM policies only, over TLS only

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.tls_only[each.key]]
  })

  # S3 answers OperationAborted when both are set on one bucket at the same moment.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Cost: objects that nobody reads get cheaper, and what nobody can see goes away

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "move-to-cheaper-storage"
    status = "Enabled"

    filter {}

    dynamic "transition" {
      for_each = local.transitions[each.key]

      content {
        days          = transition.value.days
        storage_class = transition.value.storage_class
      }
    }
  }

  rule {
    id     = "remove-leftovers"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_expiry_days
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_incomplete_upload_days
    }
  }

  # S3 applies rules about noncurrent versions to versioned buckets.
  depends_on = [aws_s3_bucket_versioning.this]
}

# Events: rules of EventBridge choose from what happens in the buckets

resource "aws_s3_bucket_notification" "this" {
  for_each = aws_s3_bucket.this

  bucket      = aws_s3_bucket.this[each.key].id
  eventbridge = true
}

# Access logs: who did what with the objects, in a bucket of their own

resource "aws_s3_bucket_logging" "this" {
  for_each = { for zone, bucket in aws_s3_bucket.this : zone => bucket if local.makes_access_logs }

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.access_logs[0].id
  target_prefix = "${each.key}/"

  # Without the permission the first logs would be lost.
  depends_on = [aws_s3_bucket_policy.access_logs]
}

resource "aws_s3_bucket" "access_logs" {
  #checkov:skip=CKV_AWS_144:Access logs are not worth a copy in a second region
  #checkov:skip=CKV_AWS_145:S3 log delivery can not write to a bucket that is encrypted with a KMS key by default
  #checkov:skip=CKV_AWS_18:A bucket that logged to itself would never stop
  #checkov:skip=CKV2_AWS_62:Nothing acts on a new access log
  count = local.makes_access_logs ? 1 : 0

  bucket        = var.access_log_bucket_name
  force_destroy = var.force_destroy
  tags          = local.tags
}

resource "aws_s3_bucket_versioning" "access_logs" {
  count = local.makes_access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "access_logs" {
  count = local.makes_access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  count = local.makes_access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "access_logs" {
  count = local.makes_access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  count = local.makes_access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([local.tls_only["access_logs"]], [
      for zone, arn in local.bucket_arns : {
        Sid       = "LogsOf${replace(title(replace(zone, "_", " ")), " ", "")}"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.access_log_arn}/${zone}/*"
        Condition = {
          ArnLike      = { "aws:SourceArn" = arn }
          StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
        }
      }
    ])
  })

  depends_on = [aws_s3_bucket_public_access_block.access_logs]
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  count = local.makes_access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    id     = "expire-logs"
    status = "Enabled"

    filter {}

    expiration {
      days = var.access_log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_expiry_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_incomplete_upload_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.access_logs]
}
