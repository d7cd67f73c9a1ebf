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

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the records; who writes needs kms:GenerateDataKey on it, who reads kms:Decrypt. Null: the key that AWS manages for Kinesis, whose users need no KMS permission."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (not an alias), or null."
  }
}

variable "kms_key_id" {
  description = "Older name of kms_key_arn, which takes an id or an alias too. Prefer kms_key_arn."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_id == null ? true : length(var.kms_key_id) > 0
    error_message = "kms_key_id must name a KMS key, or be null: an unencrypted stream is not offered."
  }

  validation {
    condition     = var.kms_key_id == null || var.kms_key_arn == null
    error_message = "Give kms_key_arn or kms_key_id, not both."
  }
}

variable "shard_level_metrics" {
  description = "Metrics that CloudWatch gets for each shard, besides those of the stream. Each costs money, per shard."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = length(setsubtract(var.shard_level_metrics, [
      "IncomingBytes", "IncomingRecords", "IteratorAgeMilliseconds", "OutgoingBytes", "OutgoingRecords",
      "ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
    ])) == 0
    error_message = "shard_level_metrics may hold IncomingBytes, IncomingRecords, IteratorAgeMilliseconds, OutgoingBytes, OutgoingRecords, ReadProvisionedThroughputExceeded and WriteProvisionedThroughputExceeded."
  }
}
