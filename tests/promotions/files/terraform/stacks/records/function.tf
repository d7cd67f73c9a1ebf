resource "aws_iam_role" "greet" {
  name = "${var.project_name}-${var.environment}-greet"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_lambda_function" "greet" {
  #checkov:skip=CKV_AWS_50:Nobody calls it.
  #checkov:skip=CKV_AWS_115:Nobody calls it.
  #checkov:skip=CKV_AWS_116:Nobody calls it.
  #checkov:skip=CKV_AWS_117:Nobody calls it.
  #checkov:skip=CKV_AWS_173:It has no environment variables.
  #checkov:skip=CKV_AWS_272:The key of a bundle is the SHA-256 of its content.
  function_name = "${var.project_name}-${var.environment}-greet"
  role          = aws_iam_role.greet.arn
  runtime       = "python3.13"
  handler       = "greet.handler"
  s3_bucket     = var.artifact_bucket
  s3_key        = var.bundles["greet"]
  publish       = true
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.greet.function_name
  function_version = aws_lambda_function.greet.version

  lifecycle {
    ignore_changes = [function_version]
  }
}
