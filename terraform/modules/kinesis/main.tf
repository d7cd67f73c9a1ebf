locals {
  tags = { Module = "kinesis" }
}

resource "aws_kinesis_stream" "this" {
  name                = "${var.project_name}-${var.environment}-${var.name}"
  shard_count         = var.shard_count
  retention_period    = var.retention_hours
  encryption_type     = "KMS"
  kms_key_id          = coalesce(var.kms_key_arn, var.kms_key_id, "alias/aws/kinesis")
  shard_level_metrics = var.shard_level_metrics
  tags                = local.tags

  stream_mode_details {
    stream_mode = var.shard_count == null ? "ON_DEMAND" : "PROVISIONED"
  }
}
