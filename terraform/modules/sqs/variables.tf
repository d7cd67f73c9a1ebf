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
  description = "Short name. The queue is called \"<project_name>-<environment>-<name>\", its dead-letter queue the same with \"-dlq\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name)) && !endswith(var.name, "-dlq")
    error_message = "name must be 2 to 40 lower-case letters, digits or hyphens, starting with a letter; \"-dlq\" is added by the module."
  }
}

variable "dead_letter_only" {
  description = "Make only the dead-letter queue: for a source that is no queue, such as a stream whose failed batches Lambda reports."
  type        = bool
  default     = false
  nullable    = false
}

variable "visibility_timeout_seconds" {
  description = "Seconds for which a received message is hidden. For a Lambda consumer at least 6 times the function's timeout."
  type        = number
  default     = 180
  nullable    = false

  validation {
    condition     = var.visibility_timeout_seconds >= 1 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds must be 1 to 43200 (12 hours)."
  }
}

variable "message_retention_seconds" {
  description = "Seconds for which the queue keeps a message that nobody consumes. The dead-letter queue always keeps 14 days."
  type        = number
  default     = 345600
  nullable    = false

  # SQS counts the age of a dead letter from its first arrival: it must have time left when it gets there.
  validation {
    condition     = var.message_retention_seconds >= 60 && var.message_retention_seconds < 1209600
    error_message = "message_retention_seconds must be 60 to less than 1209600 (14 days, the retention of the dead-letter queue)."
  }
}

variable "max_receive_count" {
  description = "How often a message is received before it goes to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be 1 to 1000."
  }
}
