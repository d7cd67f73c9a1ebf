mock_provider "aws" {}

variables {
  project_name = "any"
  environment  = "test"
  name         = "news"
  kms_key_arn  = "arn:aws:kms:us-east-1:222222222222:key/01234567-89ab-cdef-0123-456789abcdef"
}

run "names_the_topic_after_project_and_environment" {
  command = plan

  assert {
    condition     = aws_sns_topic.this.name == "any-test-news"
    error_message = "The topic must be called <project_name>-<environment>-<name>."
  }
}

run "refuses_a_name_with_capitals" {
  command         = plan
  expect_failures = [var.name]
  variables { name = "News" }
}
