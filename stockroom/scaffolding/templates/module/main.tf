resource "aws_sns_topic" "this" {
  name              = "${var.project_name}-${var.environment}-${var.name}"
  kms_master_key_id = var.kms_key_arn

  tags = { Module = "{{ module }}" }
}
