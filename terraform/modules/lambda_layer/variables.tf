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
  description = "Short name of the layer; it is called \"<project_name>-<environment>-<name>\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name))
    error_message = "name must be 2 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "description" {
  description = "What the layer holds, in one line."
  type        = string

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 256
    error_message = "description must be 1 to 256 characters."
  }
}

variable "artifact_bucket" {
  description = "Bucket that holds the archives."
  type        = string
}

variable "artifact_key" {
  description = "Key of the archive, \"<folder>/<sha256>.zip\": the content decides the key, so a new key is a new version."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*/[0-9a-f]{64}\\.zip$", var.artifact_key))
    error_message = "artifact_key must be \"<folder>/<sha256 in hexadecimal>.zip\"."
  }
}
