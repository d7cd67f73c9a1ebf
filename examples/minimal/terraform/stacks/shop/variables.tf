# Every stack takes these, from environments/<env>/environment.tfvars

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

variable "account_id" {
  description = "AWS account of the environment; with credentials of any other, Terraform stops before it does anything."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes."
  }
}

variable "region" {
  description = "AWS region of the environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, for example us-east-1."
  }
}

variable "owner" {
  description = "Team that answers for the resources (tag Owner)."
  type        = string

  validation {
    condition     = length(var.owner) > 0
    error_message = "owner must not be empty."
  }
}

variable "cost_center" {
  description = "Cost center that pays for the resources (tag CostCenter)."
  type        = string

  validation {
    condition     = length(var.cost_center) > 0
    error_message = "cost_center must not be empty."
  }
}

# The release, written by the toolkit

variable "artifact_bucket" {
  description = "Bucket that holds the bundles of the functions."
  type        = string
}

variable "bundles" {
  description = "Keys of the bundles in artifact_bucket, by function folder."
  type        = map(string)

  validation {
    condition     = length(var.bundles) > 0
    error_message = "bundles must hold a function at least: make one with `invoke new.function`."
  }
}

variable "layers" {
  description = "Keys of the layers in artifact_bucket, by layer folder."
  type        = map(string)
  default     = {}
}

# What may differ between environments, from environments/<env>/shop.tfvars

variable "data_can_be_made_again" {
  description = "The environment's data is disposable: tables may be deleted at once, with all that they hold."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_level" {
  description = "Least level that the functions log: DEBUG, INFO, WARNING or ERROR."
  type        = string
  default     = "INFO"
}

variable "log_retention_days" {
  description = "Days for which the functions' logs are kept."
  type        = number
  default     = 30
}

variable "timeout_seconds" {
  description = "Longest time that a function may take for a batch of messages."
  type        = number
  default     = 30

  validation {
    condition     = var.timeout_seconds >= 5 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be 5 to 900."
  }
}

variable "max_receive_count" {
  description = "How often a message is received before it becomes a dead letter."
  type        = number
  default     = 5
}
