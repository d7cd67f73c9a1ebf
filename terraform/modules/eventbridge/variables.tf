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
  description = "Short name of the rule; it is called \"<project_name>-<environment>-<name>\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,29}$", var.name))
    error_message = "name must be 2 to 30 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "description" {
  description = "Which events the rule passes on, in one line."
  type        = string

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 512
    error_message = "description must be 1 to 512 characters."
  }
}

variable "event_pattern" {
  description = "Events of the account's default bus that the rule passes on, as JSON: an object that names at least the source."
  type        = string

  validation {
    condition     = can([for source in jsondecode(var.event_pattern).source : source][0])
    error_message = "event_pattern must be a JSON object with a list \"source\", for example {\"source\": [\"aws.s3\"]}: without one it would take the events of every service."
  }

  validation {
    condition     = length(var.event_pattern) <= 2048
    error_message = "event_pattern must be at most 2048 characters."
  }
}

variable "queue_arn" {
  description = "ARN of the SQS queue that gets the events. Its policy must let events.amazonaws.com send on behalf of the rule."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:sqs:.+$", var.queue_arn)) && !endswith(var.queue_arn, ".fifo")
    error_message = "queue_arn must be the ARN of a standard SQS queue: events have no message group that a FIFO queue could order them by."
  }
}

variable "dead_letter_arn" {
  description = "ARN of the SQS queue that gets events which can't be delivered. Its policy must let events.amazonaws.com send on behalf of the rule. Null: they are lost after 24 hours."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_arn == null ? true : can(regex("^arn:[^:]+:sqs:.+$", var.dead_letter_arn)) && !endswith(var.dead_letter_arn, ".fifo")
    error_message = "dead_letter_arn must be the ARN of a standard SQS queue, or null."
  }
}
