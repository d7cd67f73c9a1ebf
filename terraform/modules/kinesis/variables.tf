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

variable "name" {
  description = "Short name of the stream; it is called \"<project_name>-<environment>-<name>\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,63}$", var.name))
    error_message = "name must be 2 to 64 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "shard_count" {
  description = "Number of shards of a provisioned stream. Null: an on-demand stream, which grows by itself."
  type        = number
  default     = null

  validation {
    condition     = try(var.shard_count >= 1 && var.shard_count <= 500 && floor(var.shard_count) == var.shard_count, var.shard_count == null)
    error_message = "shard_count must be a whole number from 1 to 500, or null for an on-demand stream."
  }
}

variable "retention_hours" {
  description = "Hours for which a record can be read again: the time there is to mend a broken consumer."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours must be 24 (a day) to 8760 (a year)."
  }
}

variable "kms_key_id" {
  description = "KMS key (ARN, id or alias) that encrypts the records. The default is the key that AWS manages for Kinesis: its users need no KMS permission."
  type        = string
  default     = "alias/aws/kinesis"
  nullable    = false

  validation {
    condition     = length(var.kms_key_id) > 0
    error_message = "kms_key_id must name a key; streams are always encrypted."
  }
}
