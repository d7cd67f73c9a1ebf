mock_provider "aws" {}

variables {
  project_name = "stockroom"
  environment  = "test"
  tables = {
    orders = {
      hash_key         = "order_id"
      attributes       = { order_id = "S" }
      stream_view_type = "NEW_AND_OLD_IMAGES"
    }
    sessions = {
      hash_key      = "session_id"
      range_key     = "opened_at"
      attributes    = { session_id = "S", opened_at = "N", customer_id = "S" }
      ttl_attribute = "expires_at"
      global_indexes = {
        by_customer = { hash_key = "customer_id", range_key = "opened_at", projection_type = "INCLUDE", non_key_attributes = ["basket"] }
      }
    }
  }
}

run "makes_protected_tables_paid_by_request" {
  command = plan

  assert {
    condition     = { for key, table in aws_dynamodb_table.this : key => table.name } == { orders = "stockroom-test-orders", sessions = "stockroom-test-sessions" }
    error_message = "Tables must be named <project>-<environment>-<short name>."
  }

  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this :
      table.billing_mode == "PAY_PER_REQUEST" &&
      table.deletion_protection_enabled &&
      table.point_in_time_recovery[0].enabled &&
      table.server_side_encryption[0].enabled
    ])
    error_message = "Tables must be paid by request, protected, backed up and encrypted by default."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.tags == tomap({ Module = "dynamodb" })])
    error_message = "Every table must carry the Module tag."
  }
}

run "makes_streams_only_where_asked" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this["orders"].stream_enabled && aws_dynamodb_table.this["orders"].stream_view_type == "NEW_AND_OLD_IMAGES"
    error_message = "orders must have a stream with both images."
  }

  assert {
    condition     = !aws_dynamodb_table.this["sessions"].stream_enabled
    error_message = "sessions must have no stream."
  }

  assert {
    condition     = keys(output.stream_arns) == ["orders"]
    error_message = "stream_arns must list the tables with a stream only."
  }
}

run "makes_keys_indexes_and_expiry" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this["sessions"].hash_key == "session_id" && aws_dynamodb_table.this["sessions"].range_key == "opened_at"
    error_message = "The keys must be those asked for."
  }

  assert {
    condition     = { for a in aws_dynamodb_table.this["sessions"].attribute : a.name => a.type } == { session_id = "S", opened_at = "N", customer_id = "S" }
    error_message = "The attribute definitions must be those asked for."
  }

  assert {
    condition = [
      for index in aws_dynamodb_table.this["sessions"].global_secondary_index :
      "${index.name} ${index.hash_key} ${index.range_key} ${index.projection_type} ${join(",", index.non_key_attributes)}"
    ] == ["by_customer customer_id opened_at INCLUDE basket"]
    error_message = "The index must be the one asked for."
  }

  assert {
    condition     = one(aws_dynamodb_table.this["sessions"].ttl).attribute_name == "expires_at" && one(aws_dynamodb_table.this["sessions"].ttl).enabled
    error_message = "Items of sessions must expire."
  }
}

run "can_be_made_disposable" {
  command = plan

  variables {
    deletion_protection    = false
    point_in_time_recovery = false
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : !table.deletion_protection_enabled && !table.point_in_time_recovery[0].enabled])
    error_message = "An environment must be able to turn protection and backups off."
  }
}

run "encrypts_with_a_given_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.server_side_encryption[0].kms_key_arn == var.kms_key_arn])
    error_message = "The given key must be used."
  }
}

run "refuses_no_tables" {
  command         = plan
  expect_failures = [var.tables]
  variables { tables = {} }
}

run "refuses_an_unknown_attribute_type" {
  command         = plan
  expect_failures = [var.tables]
  variables { tables = { orders = { hash_key = "id", attributes = { id = "string" } } } }
}

run "refuses_a_key_without_attribute" {
  command         = plan
  expect_failures = [var.tables]
  variables { tables = { orders = { hash_key = "id", range_key = "line", attributes = { id = "S" } } } }
}

run "refuses_an_attribute_that_no_key_uses" {
  command         = plan
  expect_failures = [var.tables]
  variables { tables = { orders = { hash_key = "id", attributes = { id = "S", note = "S" } } } }
}

run "refuses_include_without_attributes" {
  command         = plan
  expect_failures = [var.tables]
  variables {
    tables = { orders = { hash_key = "id", attributes = { id = "S" }, global_indexes = { by_id = { hash_key = "id", projection_type = "INCLUDE" } } } }
  }
}

run "refuses_an_unknown_stream_view" {
  command         = plan
  expect_failures = [var.tables]
  variables { tables = { orders = { hash_key = "id", attributes = { id = "S" }, stream_view_type = "ALL" } } }
}

run "refuses_a_key_alias" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables { kms_key_arn = "alias/aws/dynamodb" }
}

run "refuses_a_bad_project_name" {
  command         = plan
  expect_failures = [var.project_name]
  variables { project_name = "Stock Room" }
}
