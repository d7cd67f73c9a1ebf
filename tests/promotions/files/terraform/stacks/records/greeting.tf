# So that an apply takes long enough to be stopped in the middle.
resource "terraform_data" "slow" {
  triggers_replace = var.greeting

  provisioner "local-exec" {
    command = "sleep 3"
  }
}

resource "aws_ssm_parameter" "greeting" {
  #checkov:skip=CKV2_AWS_34:No secret.
  name  = "/stockroom/${var.environment}/greeting"
  type  = "String"
  value = var.greeting

  depends_on = [terraform_data.slow]
}
