mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:222222222222:log-group:mock" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:222222222222:function:mock" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }

  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:us-east-1:222222222222:table/mock" }
  }

  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:us-east-1:222222222222:stream/mock" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:222222222222:mock" }
  }
}

# What terraform/environments/<env>/ sets comes from -var-file; here stands only what the toolkit would add.
variables {
  artifact_bucket = "stockroom-any-artifacts"
  bundles = {
    capture_sales  = "capture_sales/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    process_orders = "process_orders/fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210.zip"
  }
}

run "environment_is_complete_and_valid" {
  command = plan

  assert {
    condition     = output.function_names["capture_sales"] == "${var.project_name}-${var.environment}-capture-sales"
    error_message = "The environment's files must name the project and the environment that its resources are called after."
  }

  assert {
    condition     = var.environment != "prod" || !var.data_can_be_made_again
    error_message = "The data of prod must be protected: data_can_be_made_again must be false there."
  }
}
