variable "project_name" {
  description = "Project that owns the resources; the first part of every name."
  type        = string
}

variable "environment" {
  description = "Environment the resources belong to; the second part of every name."
  type        = string
}

variable "name" {
  description = "Short name. The topic is called \"<project_name>-<environment>-<name>\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name))
    error_message = "name must be 2 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the messages."
  type        = string
}
