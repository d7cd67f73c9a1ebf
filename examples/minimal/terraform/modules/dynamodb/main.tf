locals {
  tags = { Module = "dynamodb" }

  # What auto scaling changes, Terraform must leave alone, and Terraform can only be told so for whole arguments: the capacity of
  # a table is one of its own, that of an index is part of the table's indexes. Hence the two blocks below.
  tables_with_scaled_indexes = { for key, table in var.tables : key => table if table.capacity != null && length(table.global_indexes) > 0 }
  other_tables               = { for key, table in var.tables : key => table if !contains(keys(local.tables_with_scaled_indexes), key) }

  tables = merge(aws_dynamodb_table.this, aws_dynamodb_table.scaled_indexes)

  # Everything that is scaled, by "<table>/<read or write>" and "<table>/<index>/<read or write>".
  scaled = merge(flatten([
    for key, table in var.tables : [
      for part, capacity in merge(
        { (key) = { path = "", kind = "table", capacity = table.capacity } },
        { for name, index in table.global_indexes : "${key}/${name}" => {
          path = "/index/${name}", kind = "index", capacity = index.capacity == null ? table.capacity : index.capacity
        } },
        ) : {
        "${part}/read"  = merge(capacity, { table = key, action = "Read", limits = capacity.capacity.read })
        "${part}/write" = merge(capacity, { table = key, action = "Write", limits = capacity.capacity.write })
      }
    ] if table.capacity != null
  ])...)
}

# Tables

resource "aws_dynamodb_table" "this" {
  for_each = local.other_tables

  name                        = "${var.project_name}-${var.environment}-${each.key}"
  billing_mode                = each.value.capacity == null ? "PAY_PER_REQUEST" : "PROVISIONED"
  read_capacity               = try(each.value.capacity.read.min, null)
  write_capacity              = try(each.value.capacity.write.min, null)
  hash_key                    = each.value.hash_key
  range_key                   = each.value.range_key
  stream_enabled              = each.value.stream_view_type != null
  stream_view_type            = each.value.stream_view_type
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  dynamic "attribute" {
    for_each = each.value.attributes

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.global_indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = global_secondary_index.value.projection_type
      non_key_attributes = global_secondary_index.value.non_key_attributes
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl_attribute[*]

    content {
      enabled        = true
      attribute_name = ttl.value
    }
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  # Only the first capacity is Terraform's: from then on it is the business of auto scaling, and an on-demand table has none.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity]
  }
}

# Provisioned tables with indexes: see "Scaled indexes" in README.md before an index of one is changed

resource "aws_dynamodb_table" "scaled_indexes" {
  for_each = local.tables_with_scaled_indexes

  name                        = "${var.project_name}-${var.environment}-${each.key}"
  billing_mode                = "PROVISIONED"
  read_capacity               = each.value.capacity.read.min
  write_capacity              = each.value.capacity.write.min
  hash_key                    = each.value.hash_key
  range_key                   = each.value.range_key
  stream_enabled              = each.value.stream_view_type != null
  stream_view_type            = each.value.stream_view_type
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  dynamic "attribute" {
    for_each = each.value.attributes

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.global_indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = global_secondary_index.value.projection_type
      non_key_attributes = global_secondary_index.value.non_key_attributes
      read_capacity      = local.scaled["${each.key}/${global_secondary_index.key}/read"].limits.min
      write_capacity     = local.scaled["${each.key}/${global_secondary_index.key}/write"].limits.min
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl_attribute[*]

    content {
      enabled        = true
      attribute_name = ttl.value
    }
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  lifecycle {
    ignore_changes = [read_capacity, write_capacity, global_secondary_index]
  }
}

# Auto scaling of provisioned tables and of their indexes

resource "aws_appautoscaling_target" "this" {
  for_each = local.scaled

  service_namespace  = "dynamodb"
  resource_id        = "table/${local.tables[each.value.table].name}${each.value.path}"
  scalable_dimension = "dynamodb:${each.value.kind}:${each.value.action}CapacityUnits"
  min_capacity       = each.value.limits.min
  max_capacity       = each.value.limits.max
  tags               = local.tags
}

resource "aws_appautoscaling_policy" "this" {
  for_each = aws_appautoscaling_target.this

  name               = "DynamoDB${local.scaled[each.key].action}CapacityUtilization:${each.value.resource_id}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = each.value.service_namespace
  resource_id        = each.value.resource_id
  scalable_dimension = each.value.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = local.scaled[each.key].capacity.target_percent

    predefined_metric_specification {
      predefined_metric_type = "DynamoDB${local.scaled[each.key].action}CapacityUtilization"
    }
  }
}
