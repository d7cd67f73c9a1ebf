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
  description = "Short name of the key; its alias is \"alias/<project_name>-<environment>-<name>\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name))
    error_message = "name must be 2 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "description" {
  description = "What the key encrypts, for people who find it in the console."
  type        = string

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 8192
    error_message = "description must have 1 to 8192 characters."
  }
}

variable "service_principals" {
  description = "Services that use the key by themselves, not for a caller with a role: \"logs\" for CloudWatch Logs, otherwise the principal, for example events.amazonaws.com or cloudwatch.amazonaws.com."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.service_principals : service == "logs" || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)*\\.amazonaws\\.com$", service))])
    error_message = "Each of service_principals must be a service principal, for example events.amazonaws.com, or \"logs\"."
  }

  validation {
    condition     = length(distinct(var.service_principals)) == length(var.service_principals)
    error_message = "service_principals must name each service once."
  }
}

variable "deletion_window_days" {
  description = "Days between the key's destruction in Terraform and its end on AWS, in which it can be brought back. What it encrypted is lost with it."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30 && floor(var.deletion_window_days) == var.deletion_window_days
    error_message = "deletion_window_days must be a whole number from 7 to 30."
  }
}
