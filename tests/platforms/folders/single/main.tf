# As tutorials for LocalStack have it: everything in one file, and every endpoint written out.

variable "greeting" {
  default = "hello"
}

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "mock_access_key"
  secret_key                  = "mock_secret_key"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true

  endpoints {
    dynamodb = "http://localhost:4566"
    iam      = "http://localhost:4566"
    lambda   = "http://localhost:4566"
    s3       = "http://s3.localhost.localstack.cloud:4566"
    sts      = "http://172.17.0.1:4566"
  }
}

resource "aws_s3_bucket" "inbox" {
  bucket        = "single-file-inbox"
  force_destroy = true
}

resource "aws_dynamodb_table" "visits" {
  name         = "single-file-visits"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_iam_role" "greeter" {
  name               = "single-file-greeter"
  assume_role_policy = <<POLICY
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "sts:AssumeRole",
      "Principal": {"Service": "lambda.amazonaws.com"}
    }
  ]
}
POLICY  
}

resource "aws_lambda_function" "greeter" {
  function_name    = "single-file-greeter"
  runtime          = "python3.9"
  handler          = "greeter.handler"
  filename         = "greeter.zip"
  source_code_hash = filebase64sha256("greeter.zip")
  role             = aws_iam_role.greeter.arn

  environment {
    variables = {
      GREETING = var.greeting
      ENDPOINT = "http://host.docker.internal:4566"
      TABLE    = aws_dynamodb_table.visits.name
    }
  }
}

output "function" {
  value = aws_lambda_function.greeter.function_name
}

output "bucket" {
  value = aws_s3_bucket.inbox.id
}
