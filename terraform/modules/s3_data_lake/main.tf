data "aws_partition" "current" {}

locals {
  tags = { Module = "s3_data_lake" }

  # Built from the names, so that a plan shows the whole policy.
  bucket_arns = { for zone, name in var.bucket_names : zone => "arn:${data.aws_partition.current.partition}:s3:::${name}" }
}

# Buckets

resource "aws_s3_bucket" "this" {
  for_each = var.bucket_names

  bucket        = each.value
  force_destroy = var.force_destroy
  tags          = local.tags
}

# Versioning: an overwritten or deleted object can be brought back

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Encryption at rest

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

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

  bucket = each.value.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arns[each.key], "${local.bucket_arns[each.key]}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 answers OperationAborted when both are set on one bucket at the same moment.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
