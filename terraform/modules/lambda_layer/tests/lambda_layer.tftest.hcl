mock_provider "aws" {
  mock_resource "aws_lambda_layer_version" {
    defaults = { arn = "arn:aws:lambda:us-east-1:222222222222:layer:made-by-the-mock:3" }
  }
}

variables {
  project_name    = "stockroom"
  environment     = "test"
  name            = "pyarrow"
  description     = "Reads and writes Parquet"
  artifact_bucket = "stockroom-test-artifacts-222222222222"
  artifact_key    = "pyarrow/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.zip"
}

run "makes_a_version_of_the_given_archive" {
  command = apply

  assert {
    condition     = aws_lambda_layer_version.this.layer_name == "stockroom-test-pyarrow" && aws_lambda_layer_version.this.description == "Reads and writes Parquet"
    error_message = "The layer must be named <project>-<environment>-<name>, and described."
  }

  assert {
    condition     = aws_lambda_layer_version.this.s3_bucket == var.artifact_bucket && aws_lambda_layer_version.this.s3_key == var.artifact_key
    error_message = "The content must be the given archive."
  }

  assert {
    condition     = aws_lambda_layer_version.this.compatible_runtimes == toset(["python3.13"]) && aws_lambda_layer_version.this.compatible_architectures == toset(["x86_64"])
    error_message = "The layer must be for what the functions run on."
  }

  assert {
    condition     = output.arn == "arn:aws:lambda:us-east-1:222222222222:layer:made-by-the-mock:3"
    error_message = "The output must be the ARN of the version, which functions need."
  }
}

run "refuses_a_project_in_upper_case" {
  command         = plan
  expect_failures = [var.project_name]
  variables { project_name = "Stockroom" }
}

run "refuses_an_environment_with_a_hyphen" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "pre-prod" }
}

run "refuses_a_name_with_an_underscore" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "a_b" }
}

run "refuses_no_description" {
  command         = plan
  expect_failures = [var.description]
  variables { description = "" }
}

run "refuses_a_description_that_is_too_long" {
  command         = plan
  expect_failures = [var.description]
  variables { description = format("%257s", "x") }
}

run "refuses_an_archive_that_is_not_named_by_its_content" {
  command         = plan
  expect_failures = [var.artifact_key]
  variables { artifact_key = "pyarrow/latest.zip" }
}
