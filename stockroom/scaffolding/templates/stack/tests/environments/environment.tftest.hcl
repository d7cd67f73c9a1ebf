mock_provider "aws" {
  source = "./tests/mocks"
}

# What terraform/environments/<env>/ sets comes from -var-file; here stands only what the toolkit would add.
variables {
  artifact_bucket = "any-artifacts"
  bundles         = { any_one = "any_one/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip" }
}

run "environment_is_complete_and_valid" {
  command = plan

  assert {
    condition     = output.function_names["any_one"] == "${var.project_name}-${var.environment}-{{ stack_name }}-any-one"
    error_message = "The environment's files must name the project and the environment that its resources are called after."
  }

  assert {
    condition     = var.environment != "prod" || !var.data_can_be_made_again
    error_message = "The data of prod must be protected: data_can_be_made_again must be false there."
  }
}
