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

variable "bucket_names" {
  description = "Full bucket names by data lake zone, for example { raw = \"stockroom-dev-raw-1a2b3c4d\" }."
  type        = map(string)

  validation {
    condition     = length(var.bucket_names) > 0
    error_message = "bucket_names must name at least one bucket."
  }

  validation {
    condition     = alltrue([for zone in keys(var.bucket_names) : can(regex("^[a-z][a-z0-9_]*$", zone))])
    error_message = "Each key of bucket_names must be a zone in lower_snake_case."
  }

  validation {
    condition     = !contains(keys(var.bucket_names), "access_logs")
    error_message = "access_logs is no zone: name the bucket of the access logs in access_log_bucket_name."
  }

  validation {
    condition     = alltrue([for name in values(var.bucket_names) : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", name))])
    error_message = "Each bucket name must be 3 to 63 lower-case letters, digits or hyphens (no dots: they break TLS host names)."
  }

  validation {
    condition     = length(distinct(values(var.bucket_names))) == length(var.bucket_names)
    error_message = "Two zones must not share a bucket."
  }

  validation {
    condition     = alltrue([for name in values(var.bucket_names) : startswith(name, "${var.project_name}-${var.environment}-")])
    error_message = "Each bucket name must start with \"<project_name>-<environment>-\"."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects. Null: the keys that S3 manages (AES256)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (not an alias), or null."
  }
}

variable "force_destroy" {
  description = "Delete the objects together with a bucket that is destroyed. Only for environments whose data can be made again."
  type        = bool
  default     = false
  nullable    = false
}

variable "access_log_bucket_name" {
  description = "Full name of the bucket for the access logs of all zones; the module makes it. Null: no access logs."
  type        = string
  default     = null

  validation {
    condition = var.access_log_bucket_name == null ? true : (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.access_log_bucket_name)) &&
      startswith(var.access_log_bucket_name, "${var.project_name}-${var.environment}-")
    )
    error_message = "access_log_bucket_name must be 3 to 63 lower-case letters, digits or hyphens and start with \"<project_name>-<environment>-\", or null."
  }

  # A bucket that logs to itself logs the writing of each log.
  validation {
    condition     = var.access_log_bucket_name == null ? true : !contains(values(var.bucket_names), var.access_log_bucket_name)
    error_message = "access_log_bucket_name must not be the bucket of a zone."
  }
}

variable "access_log_retention_days" {
  description = "Days for which access logs are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.access_log_retention_days >= 1 && floor(var.access_log_retention_days) == var.access_log_retention_days
    error_message = "access_log_retention_days must be a whole number from 1."
  }
}

variable "intelligent_tiering_after_days" {
  description = "Days after which an object moves to Intelligent-Tiering, which makes it cheaper the longer nobody reads it. Objects below 128 KB stay where they are."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.intelligent_tiering_after_days >= 0 && floor(var.intelligent_tiering_after_days) == var.intelligent_tiering_after_days
    error_message = "intelligent_tiering_after_days must be a whole number from 0."
  }
}

variable "glacier_after_days" {
  description = "Days after which an object moves to Glacier Instant Retrieval, by zone: cheap to keep, readable at once, dear to read often. Zones left out never move."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for zone in keys(var.glacier_after_days) : contains(keys(var.bucket_names), zone)])
    error_message = "Each key of glacier_after_days must be a zone of bucket_names."
  }

  validation {
    condition     = alltrue([for days in values(var.glacier_after_days) : try(days > var.intelligent_tiering_after_days && floor(days) == days, false)])
    error_message = "Each number of glacier_after_days must be whole and greater than intelligent_tiering_after_days."
  }
}

variable "noncurrent_version_expiry_days" {
  description = "Days for which an overwritten or deleted object can be brought back."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.noncurrent_version_expiry_days >= 1 && floor(var.noncurrent_version_expiry_days) == var.noncurrent_version_expiry_days
    error_message = "noncurrent_version_expiry_days must be a whole number from 1."
  }
}

variable "abort_incomplete_upload_days" {
  description = "Days after which the parts of an unfinished upload are removed."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.abort_incomplete_upload_days >= 1 && floor(var.abort_incomplete_upload_days) == var.abort_incomplete_upload_days
    error_message = "abort_incomplete_upload_days must be a whole number from 1."
  }
}
