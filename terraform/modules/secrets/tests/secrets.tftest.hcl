mock_provider "aws" {
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:222222222222:secret:made-by-the-mock" }
  }
}

variables {
  project_name = "stockroom"
  environment  = "test"
}

run "makes_secrets_without_values" {
  command = apply

  variables {
    kms_key_arn          = "arn:aws:kms:us-east-1:222222222222:key/1234"
    recovery_window_days = 7
    secrets              = { customer_pseudonyms = { description = "Key of the pseudonyms of customers" } }
  }

  assert {
    condition     = aws_secretsmanager_secret.this["customer_pseudonyms"].name == "stockroom/test/customer_pseudonyms" && aws_secretsmanager_secret.this["customer_pseudonyms"].description == "Key of the pseudonyms of customers"
    error_message = "The secret must be named <project>/<environment>/<name>, and described."
  }

  assert {
    condition     = aws_secretsmanager_secret.this["customer_pseudonyms"].kms_key_id == var.kms_key_arn && aws_secretsmanager_secret.this["customer_pseudonyms"].recovery_window_in_days == 7
    error_message = "The secret must be encrypted with the key and recoverable for as long as asked."
  }

  assert {
    condition     = aws_secretsmanager_secret.this["customer_pseudonyms"].tags == tomap({ Module = "secrets" })
    error_message = "The secret must carry the Module tag."
  }

  assert {
    condition     = output.secret_arns == { customer_pseudonyms = "arn:aws:secretsmanager:us-east-1:222222222222:secret:made-by-the-mock" }
    error_message = "The ARN of the secret must be put out by its short name."
  }

  assert {
    condition     = length(aws_ssm_parameter.this) == 0
    error_message = "There must be no parameter that was not asked for."
  }
}

run "keeps_deleted_secrets_for_thirty_days" {
  command = plan

  variables { secrets = { customer_pseudonyms = { description = "Key of the pseudonyms of customers" } } }

  assert {
    condition     = aws_secretsmanager_secret.this["customer_pseudonyms"].recovery_window_in_days == 30 && aws_secretsmanager_secret.this["customer_pseudonyms"].kms_key_id == null
    error_message = "By default a secret must be recoverable for 30 days, and encrypted with the key of AWS."
  }
}

run "lets_secrets_go_at_once_where_asked" {
  command = plan

  variables {
    recovery_window_days = 0
    secrets              = { customer_pseudonyms = { description = "Key of the pseudonyms of customers" } }
  }

  assert {
    condition     = aws_secretsmanager_secret.this["customer_pseudonyms"].recovery_window_in_days == 0
    error_message = "0 must be kept: the name is free again at once."
  }
}

run "makes_parameters" {
  command = plan

  variables {
    parameters = { "data_platform/raw-bucket" = { value = "stockroom-test-raw", description = "Bucket of raw data" } }
  }

  assert {
    condition     = output.parameter_names == { "data_platform/raw-bucket" = "/stockroom/test/data_platform/raw-bucket" }
    error_message = "The parameter must be named /<project>/<environment>/<name>."
  }

  assert {
    condition = (
      aws_ssm_parameter.this["data_platform/raw-bucket"].type == "String" &&
      aws_ssm_parameter.this["data_platform/raw-bucket"].insecure_value == "stockroom-test-raw" &&
      aws_ssm_parameter.this["data_platform/raw-bucket"].description == "Bucket of raw data" &&
      aws_ssm_parameter.this["data_platform/raw-bucket"].tier == "Standard" &&
      aws_ssm_parameter.this["data_platform/raw-bucket"].tags == tomap({ Module = "secrets" })
    )
    error_message = "The parameter must be a plain string with the value and description asked for, and carry the Module tag."
  }

  assert {
    condition     = length(aws_secretsmanager_secret.this) == 0
    error_message = "There must be no secret that was not asked for."
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

run "refuses_a_secret_whose_name_is_no_short_name" {
  command         = plan
  expect_failures = [var.secrets]
  variables { secrets = { "customer/pseudonyms" = { description = "Key" } } }
}

run "refuses_a_secret_without_a_description" {
  command         = plan
  expect_failures = [var.secrets]
  variables { secrets = { customer_pseudonyms = { description = "" } } }
}

run "refuses_a_recovery_window_of_three_days" {
  command         = plan
  expect_failures = [var.recovery_window_days]
  variables { recovery_window_days = 3 }
}

run "refuses_a_recovery_window_of_31_days" {
  command         = plan
  expect_failures = [var.recovery_window_days]
  variables { recovery_window_days = 31 }
}

run "refuses_a_key_by_alias" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables { kms_key_arn = "alias/mine" }
}

run "refuses_a_parameter_that_starts_with_a_slash" {
  command         = plan
  expect_failures = [var.parameters]
  variables { parameters = { "/raw" = { value = "x", description = "x" } } }
}

run "refuses_a_parameter_with_too_many_parts" {
  command         = plan
  expect_failures = [var.parameters]
  variables { parameters = { "a/b/c/d/e/f/g/h/i/j/k/l/m/n" = { value = "x", description = "x" } } }
}

run "refuses_a_parameter_whose_name_is_too_long" {
  command         = plan
  expect_failures = [var.parameters]
  variables { parameters = { (replace(format("%513s", "a"), " ", "a")) = { value = "x", description = "x" } } }
}

run "refuses_a_parameter_without_a_value" {
  command         = plan
  expect_failures = [var.parameters]
  variables { parameters = { raw = { value = "", description = "x" } } }
}

run "refuses_a_parameter_that_is_too_long" {
  command         = plan
  expect_failures = [var.parameters]
  variables { parameters = { raw = { value = format("%4097s", "x"), description = "x" } } }
}

run "refuses_a_parameter_without_a_description" {
  command         = plan
  expect_failures = [var.parameters]
  variables { parameters = { raw = { value = "x", description = "" } } }
}
