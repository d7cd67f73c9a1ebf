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
