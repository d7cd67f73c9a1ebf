resource "aws_s3_bucket" "records" {
  #checkov:skip=CKV_AWS_18:Nothing is stored here.
  #checkov:skip=CKV_AWS_21:Nothing is stored here.
  #checkov:skip=CKV_AWS_144:Nothing is stored here.
  #checkov:skip=CKV_AWS_145:Nothing is stored here.
  #checkov:skip=CKV2_AWS_6:Nothing is stored here.
  #checkov:skip=CKV2_AWS_61:Nothing is stored here.
  #checkov:skip=CKV2_AWS_62:Nothing is stored here.
  bucket        = "${var.project_name}-${var.environment}-records-${var.account_id}"
  force_destroy = true
}
