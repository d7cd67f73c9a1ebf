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
  description = "Short name of what is watched; topic, dashboard, budget and alarms are called \"<project_name>-<environment>-<name>\" and so on."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name))
    error_message = "name must be 2 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "alarm_email" {
  description = "Address that alarms are sent to; its owner has to confirm the subscription once. Null: nobody, until something subscribes to the topic."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null ? true : can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", var.alarm_email))
    error_message = "alarm_email must be one address, or null."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the topic. Its policy must let cloudwatch, budgets and costalerts (.amazonaws.com) decrypt and generate data keys, or their messages are lost. Null: no key (that of AWS for SNS lets none of these use it)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, or null."
  }
}

variable "dead_letter_queues" {
  description = "Full names of the dead-letter queues by short name; that of a FIFO queue ends in .fifo."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.dead_letter_queues) : can(regex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$", key))])
    error_message = "Each key of dead_letter_queues must be a short name in lower_snake_case."
  }
}

variable "functions" {
  description = <<-EOT
    Functions by short name.
      name             full name
      timeout_seconds  the function's timeout; taking more than 80 % of it raises an alarm
      reads_stream     whether a stream calls it; falling behind one raises an alarm
  EOT
  type = map(object({
    name            = string
    timeout_seconds = number
    reads_stream    = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.functions) : can(regex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$", key))])
    error_message = "Each key of functions must be a short name in lower_snake_case."
  }

  validation {
    condition     = alltrue([for function in values(var.functions) : function.timeout_seconds >= 1 && function.timeout_seconds <= 900])
    error_message = "timeout_seconds must be 1 to 900."
  }
}

variable "tables" {
  description = "Full names of the DynamoDB tables by short name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tables) : can(regex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$", key))])
    error_message = "Each key of tables must be a short name in lower_snake_case."
  }
}

variable "streams" {
  description = "Full names of the Kinesis streams by short name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.streams) : can(regex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$", key))])
    error_message = "Each key of streams must be a short name in lower_snake_case."
  }
}

variable "monthly_budget_usd" {
  description = "US dollars that what carries the tag Project = project_name may cost in a month. Told when 80 % are forecast and when 100 % are spent."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "cost_anomaly_threshold_usd" {
  description = "US dollars above the expected from which an unusual cost of a service is told. Null: no monitor (an account can hold only one of this kind)."
  type        = number
  default     = null

  validation {
    condition     = var.cost_anomaly_threshold_usd == null ? true : var.cost_anomaly_threshold_usd > 0
    error_message = "cost_anomaly_threshold_usd must be more than 0, or null."
  }
}
