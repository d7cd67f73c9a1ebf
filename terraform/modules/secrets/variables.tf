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

variable "secrets" {
  description = <<-EOT
    Secrets by short name; a secret is called "<project_name>/<environment>/<short name>". They are made without a value:
    no value of a secret goes through Terraform.
      description  what the secret is for, and who puts its value there
  EOT
  type = map(object({
    description = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[a-z][a-z0-9_]{1,63}$", name))])
    error_message = "Each key of secrets must be a short name in lower_snake_case, 2 to 64 characters."
  }

  validation {
    condition     = alltrue([for secret in values(var.secrets) : length(secret.description) > 0 && length(secret.description) <= 2048])
    error_message = "Each secret needs a description of 1 to 2048 characters."
  }
}

variable "recovery_window_days" {
  description = "Days for which a deleted secret can be brought back. 0: it is gone at once, and its name is free again."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days must be 7 to 30, or 0."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the secrets. Null: the key of AWS for Secrets Manager."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, or null."
  }
}

variable "parameters" {
  description = <<-EOT
    Parameters by name; a parameter is called "/<project_name>/<environment>/<name>", and the name may hold slashes.
    Not for secrets: anybody who may read the state or the parameters reads them.
      value        what it holds
      description  what it is for
  EOT
  type = map(object({
    value       = string
    description = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.parameters) : can(regex("^[a-z][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*){0,12}$", name)) && length(name) <= 512])
    error_message = "Each key of parameters must be lower-case letters, digits, hyphens and underscores, in at most 13 parts with slashes between them."
  }

  validation {
    condition     = alltrue([for parameter in values(var.parameters) : length(parameter.value) > 0 && length(parameter.value) <= 4096])
    error_message = "Each parameter must hold 1 to 4096 characters."
  }

  validation {
    condition     = alltrue([for parameter in values(var.parameters) : length(parameter.description) > 0 && length(parameter.description) <= 1024])
    error_message = "Each parameter needs a description of 1 to 1024 characters."
  }
}
