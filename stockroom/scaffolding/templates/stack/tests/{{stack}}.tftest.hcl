mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  project_name    = "{{ project }}"
  environment     = "test"
  account_id      = "222222222222"
  region          = "us-east-1"
  owner           = "{{ project }}"
  cost_center     = "{{ project }}"
  artifact_bucket = "{{ project }}-test-artifacts-222222222222"
  bundles = {
    first_one  = "first_one/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
    second_one = "second_one/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
  }
}

run "names_everything_after_project_environment_and_stack" {
  command = plan

  assert {
    condition = output.function_names == {
      for name in ["first_one", "second_one"] : name => "{{ project }}-test-{{ stack_name }}-${replace(name, "_", "-")}"
    }
    error_message = "There must be a function for each bundle."
  }

  assert {
    condition     = output.table_names == { records = "{{ project }}-test-{{ stack_name }}-records" }
    error_message = "There must be the table of records."
  }
}

run "gives_every_function_a_queue_with_dead_letters" {
  command = apply

  assert {
    condition     = keys(output.queue_urls) == ["first_one", "second_one"] && keys(output.dead_letter_queue_urls) == keys(output.queue_urls)
    error_message = "There must be a queue and a dead-letter queue for each function."
  }
}

run "refuses_no_function" {
  command         = plan
  expect_failures = [var.bundles]
  variables { bundles = {} }
}

run "refuses_no_time_for_a_batch" {
  command         = plan
  expect_failures = [var.timeout_seconds]
  variables { timeout_seconds = 1 }
}
