data "aws_caller_identity" "me" {
  provider = amazon
}

resource "aws_sns_topic" "alerts" {
  provider = amazon.edge
  name     = "pinned-alerts"
}

resource "aws_kms_key" "data" {
  provider                = amazon
  description             = "data of ${data.aws_caller_identity.me.account_id}"
  deletion_window_in_days = 7
}

resource "terraform_data" "release" {
  input = aws_kms_key.data.key_id

  provisioner "local-exec" {
    command = "echo ${self.input} > released.txt && env | grep ^AWS_ | sort > ${path.module}/seen.txt"
  }
}

output "account" {
  value = data.aws_caller_identity.me.account_id
}

output "key" {
  value     = aws_kms_key.data.arn
  sensitive = true
}
