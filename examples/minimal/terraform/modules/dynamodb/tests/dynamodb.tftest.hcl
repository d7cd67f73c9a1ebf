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

run "scales_no_table_by_default" {
  command = plan

  assert {
    condition     = keys(aws_dynamodb_table.this) == ["orders", "sessions"] && length(aws_dynamodb_table.scaled_indexes) == 0 && length(aws_appautoscaling_target.this) == 0
    error_message = "On-demand tables, also those with indexes, must be of the first block and not be scaled."
  }
}

run "scales_a_provisioned_table" {
  command = plan

  variables {
    tables = {
      carts = {
        hash_key   = "cart_id"
        attributes = { cart_id = "S" }
        capacity   = { read = { min = 5, max = 50 }, write = { min = 4, max = 40 } }
      }
    }
  }

  assert {
    condition = (
      aws_dynamodb_table.this["carts"].billing_mode == "PROVISIONED" &&
      aws_dynamodb_table.this["carts"].read_capacity == 5 &&
      aws_dynamodb_table.this["carts"].write_capacity == 4
    )
    error_message = "A table with a capacity must be provisioned, with the least of it at first."
  }

  assert {
    condition = {
      for key, t in aws_appautoscaling_target.this : key => "${t.service_namespace} ${t.resource_id} ${t.scalable_dimension} ${t.min_capacity}-${t.max_capacity}"
      } == {
      "carts/read"  = "dynamodb table/stockroom-test-carts dynamodb:table:ReadCapacityUnits 5-50"
      "carts/write" = "dynamodb table/stockroom-test-carts dynamodb:table:WriteCapacityUnits 4-40"
    }
    error_message = "Reads and writes must be scaled between their limits."
  }

  assert {
    condition = {
      for key, p in aws_appautoscaling_policy.this : key => join(" ", [
        p.policy_type, p.resource_id, p.scalable_dimension,
        one(one(p.target_tracking_scaling_policy_configuration).predefined_metric_specification).predefined_metric_type,
        one(p.target_tracking_scaling_policy_configuration).target_value,
      ])
      } == {
      "carts/read"  = "TargetTrackingScaling table/stockroom-test-carts dynamodb:table:ReadCapacityUnits DynamoDBReadCapacityUtilization 70"
      "carts/write" = "TargetTrackingScaling table/stockroom-test-carts dynamodb:table:WriteCapacityUnits DynamoDBWriteCapacityUtilization 70"
    }
    error_message = "Scaling must keep the capacity 70 % used unless told otherwise."
  }

  assert {
    condition     = alltrue([for t in aws_appautoscaling_target.this : t.tags == tomap({ Module = "dynamodb" })])
    error_message = "Every scaled target must carry the Module tag."
  }
}

run "scales_indexes_with_the_capacity_of_the_table_or_their_own" {
  command = plan

  variables {
    tables = {
      baskets = {
        hash_key         = "basket_id"
        attributes       = { basket_id = "S", customer_id = "S", store_id = "S" }
        stream_view_type = "KEYS_ONLY"
        ttl_attribute    = "expires_at"
        capacity         = { read = { min = 5, max = 50 }, write = { min = 4, max = 40 } }
        global_indexes = {
          by_customer = { hash_key = "customer_id" }
          by_store = {
            hash_key = "store_id"
            capacity = { read = { min = 2, max = 20 }, write = { min = 3, max = 30 }, target_percent = 50 }
          }
        }
      }
    }
    kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition     = keys(aws_dynamodb_table.scaled_indexes) == ["baskets"] && length(aws_dynamodb_table.this) == 0
    error_message = "A provisioned table with indexes must be of the block that leaves their capacity alone."
  }

  assert {
    condition = {
      for index in aws_dynamodb_table.scaled_indexes["baskets"].global_secondary_index : index.name => [index.read_capacity, index.write_capacity]
    } == { by_customer = [5, 4], by_store = [2, 3] }
    error_message = "An index must begin with the least of its own capacity, or of the table's."
  }

  assert {
    condition = {
      for key, t in aws_appautoscaling_target.this : key => "${t.resource_id} ${t.scalable_dimension} ${t.min_capacity}-${t.max_capacity}"
      } == {
      "baskets/read"              = "table/stockroom-test-baskets dynamodb:table:ReadCapacityUnits 5-50"
      "baskets/write"             = "table/stockroom-test-baskets dynamodb:table:WriteCapacityUnits 4-40"
      "baskets/by_customer/read"  = "table/stockroom-test-baskets/index/by_customer dynamodb:index:ReadCapacityUnits 5-50"
      "baskets/by_customer/write" = "table/stockroom-test-baskets/index/by_customer dynamodb:index:WriteCapacityUnits 4-40"
      "baskets/by_store/read"     = "table/stockroom-test-baskets/index/by_store dynamodb:index:ReadCapacityUnits 2-20"
      "baskets/by_store/write"    = "table/stockroom-test-baskets/index/by_store dynamodb:index:WriteCapacityUnits 3-30"
    }
    error_message = "The table and each index must be scaled, reads and writes apart."
  }

  assert {
    condition = {
      for key, p in aws_appautoscaling_policy.this : key => one(p.target_tracking_scaling_policy_configuration).target_value if endswith(key, "/read")
    } == { "baskets/read" = 70, "baskets/by_customer/read" = 70, "baskets/by_store/read" = 50 }
    error_message = "An index must be scaled to the target of its capacity."
  }

  # The block is a second copy of the first: what protects a table must be in both.
  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.scaled_indexes :
      table.name == "stockroom-test-baskets" &&
      table.billing_mode == "PROVISIONED" &&
      table.hash_key == "basket_id" &&
      table.stream_enabled && table.stream_view_type == "KEYS_ONLY" &&
      one(table.ttl).enabled && one(table.ttl).attribute_name == "expires_at" &&
      table.deletion_protection_enabled &&
      table.point_in_time_recovery[0].enabled &&
      table.server_side_encryption[0].enabled && table.server_side_encryption[0].kms_key_arn == var.kms_key_arn &&
      table.tags == tomap({ Module = "dynamodb" })
    ])
    error_message = "A provisioned table with indexes must be protected, backed up and encrypted like the others."
  }

  assert {
    condition     = output.table_names == { baskets = "stockroom-test-baskets" } && keys(output.stream_arns) == ["baskets"] && keys(output.table_arns) == ["baskets"]
    error_message = "The outputs must hold the tables of both blocks."
  }
}

# Applied twice (to the mock): what auto scaling changes and what Terraform wants must not be the same arguments.
run "makes_a_provisioned_table" {
  command = apply

  variables {
    tables = {
      carts = {
        hash_key   = "cart_id"
        attributes = { cart_id = "S" }
        capacity   = { read = { min = 5, max = 50 }, write = { min = 4, max = 40 } }
      }
    }
  }

  assert {
    condition     = aws_dynamodb_table.this["carts"].read_capacity == 5
    error_message = "The table must begin with the least capacity."
  }
}

run "leaves_its_capacity_to_auto_scaling" {
  command = apply

  variables {
    tables = {
      carts = {
        hash_key   = "cart_id"
        attributes = { cart_id = "S" }
        capacity   = { read = { min = 20, max = 50 }, write = { min = 10, max = 40 } }
      }
    }
  }

  assert {
    condition     = aws_dynamodb_table.this["carts"].read_capacity == 5 && aws_dynamodb_table.this["carts"].write_capacity == 4
    error_message = "Terraform must not set the capacity of a table that exists."
  }

  assert {
    condition     = aws_appautoscaling_target.this["carts/read"].min_capacity == 20 && aws_appautoscaling_target.this["carts/write"].min_capacity == 10
    error_message = "New limits must reach auto scaling."
  }
}

run "refuses_a_most_below_the_least" {
  command         = plan
  expect_failures = [var.tables]
  variables {
    tables = { carts = { hash_key = "id", attributes = { id = "S" }, capacity = { read = { min = 5, max = 4 }, write = { min = 1, max = 1 } } } }
  }
}

run "refuses_no_capacity_at_all" {
  command         = plan
  expect_failures = [var.tables]
  variables {
    tables = { carts = { hash_key = "id", attributes = { id = "S" }, capacity = { read = { min = 1, max = 4 }, write = { min = 0, max = 1 } } } }
  }
}

run "refuses_a_target_without_room" {
  command         = plan
  expect_failures = [var.tables]
  variables {
    tables = { carts = { hash_key = "id", attributes = { id = "S" }, capacity = { read = { min = 1, max = 4 }, write = { min = 1, max = 1 }, target_percent = 95 } } }
  }
}

run "refuses_a_capacity_of_an_index_alone" {
  command         = plan
  expect_failures = [var.tables]
  variables {
    tables = {
      carts = {
        hash_key       = "id"
        attributes     = { id = "S" }
        global_indexes = { by_id = { hash_key = "id", capacity = { read = { min = 1, max = 4 }, write = { min = 1, max = 4 } } } }
      }
    }
  }
}

run "refuses_a_bad_environment" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "my_env" }
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
