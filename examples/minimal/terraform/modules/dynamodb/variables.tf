variable "project_name" {
  description = "Project that owns the resources; the first part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.project_name))
    error_message = "project_name must be 2 to 20 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "environment" {
  description = "Environment the resources belong to; the second part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2 to 12 lower-case letters or digits, starting with a letter."
  }
}

variable "tables" {
  description = <<-EOT
    Tables by short name; a table is called "<project_name>-<environment>-<short name>".
      hash_key, range_key  names of the key attributes
      attributes           type (S, N or B) of every attribute that a key of the table or of an index uses
      global_indexes       global secondary indexes by name: keys, and what they project (ALL, KEYS_ONLY or INCLUDE)
      stream_view_type     what the table's stream carries; null: no stream
      ttl_attribute        attribute that holds the expiry time (seconds since 1970); null: items do not expire
      capacity             null: on demand, paid by request; else provisioned, and scaled between min and max (units of reads
                           and writes a second) so that target_percent of the capacity is used. An index has the table's
                           capacity unless it has one of its own
  EOT
  type = map(object({
    hash_key   = string
    range_key  = optional(string)
    attributes = map(string)
    global_indexes = optional(map(object({
      hash_key           = string
      range_key          = optional(string)
      projection_type    = optional(string, "ALL")
      non_key_attributes = optional(list(string))
      capacity = optional(object({
        read           = object({ min = number, max = number })
        write          = object({ min = number, max = number })
        target_percent = optional(number, 70)
      }))
    })), {})
    stream_view_type = optional(string)
    ttl_attribute    = optional(string)
    capacity = optional(object({
      read           = object({ min = number, max = number })
      write          = object({ min = number, max = number })
      target_percent = optional(number, 70)
    }))
  }))

  validation {
    condition     = length(var.tables) > 0 && alltrue([for name in keys(var.tables) : can(regex("^[a-z][a-z0-9_-]*$", name))])
    error_message = "tables must hold at least one table, each with a short name of lower-case letters, digits, hyphens or underscores."
  }

  validation {
    condition     = alltrue(flatten([for table in values(var.tables) : [for type in values(table.attributes) : contains(["S", "N", "B"], type)]]))
    error_message = "The type of an attribute must be S (string), N (number) or B (binary)."
  }

  # DynamoDB refuses a table with an attribute definition that no key uses, or a key without one.
  validation {
    condition = alltrue([
      for table in values(var.tables) : toset(keys(table.attributes)) == toset(compact(concat(
        [table.hash_key, table.range_key],
        flatten([for index in values(table.global_indexes) : [index.hash_key, index.range_key]]),
      )))
    ])
    error_message = "attributes must list exactly the attributes that the keys of the table and of its indexes use."
  }

  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [
        for index in values(table.global_indexes) :
        contains(["ALL", "KEYS_ONLY", "INCLUDE"], index.projection_type) && (index.projection_type == "INCLUDE") == (index.non_key_attributes != null)
      ]
    ]))
    error_message = "projection_type must be ALL, KEYS_ONLY or INCLUDE; non_key_attributes goes with INCLUDE and with nothing else."
  }

  validation {
    condition = alltrue([
      for table in values(var.tables) :
      contains(["none", "KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"], coalesce(table.stream_view_type, "none"))
    ])
    error_message = "stream_view_type must be KEYS_ONLY, NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES or null."
  }

  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [
        for capacity in concat([table.capacity], [for index in values(table.global_indexes) : index.capacity]) : [
          for limits in [capacity.read, capacity.write] :
          limits.min >= 1 && limits.max >= limits.min && floor(limits.min) == limits.min && floor(limits.max) == limits.max
        ] if capacity != null
      ]
    ]))
    error_message = "min and max of a capacity must be whole numbers from 1, and max not less than min."
  }

  # What Application Auto Scaling takes.
  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [
        for capacity in concat([table.capacity], [for index in values(table.global_indexes) : index.capacity]) :
        capacity.target_percent >= 20 && capacity.target_percent <= 90 if capacity != null
      ]
    ]))
    error_message = "target_percent must be 20 to 90."
  }

  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [for index in values(table.global_indexes) : index.capacity == null || table.capacity != null]
    ]))
    error_message = "An index can have a capacity only when its table has one."
  }
}

variable "point_in_time_recovery" {
  description = "Keep continuous backups, so that a table can be restored to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete a table. Off only in environments whose data can be made again."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the tables. Null: the key that AWS manages for DynamoDB."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (not an alias), or null."
  }
}
