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
  description = "Short name. The queue is called \"<project_name>-<environment>-<name>\", its dead-letter queue the same with \"-dlq\"; a FIFO queue's names end with \".fifo\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name)) && !endswith(var.name, "-dlq")
    error_message = "name must be 2 to 40 lower-case letters, digits or hyphens, starting with a letter; \"-dlq\" is added by the module."
  }

  validation {
    condition     = length("${var.project_name}-${var.environment}-${var.name}-dlq${var.fifo ? ".fifo" : ""}") <= 80
    error_message = "The name of the dead-letter queue, \"<project_name>-<environment>-<name>-dlq\" and \".fifo\" for a FIFO queue, must have at most 80 characters."
  }
}

variable "dead_letter_only" {
  description = "Make only the dead-letter queue: for a source that is no queue, such as a stream whose failed batches Lambda reports."
  type        = bool
  default     = false
  nullable    = false
}

variable "fifo" {
  description = "Make a FIFO queue, with a FIFO dead-letter queue: the order within a message group is kept, and a message sent twice within 5 minutes arrives once."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.fifo && var.dead_letter_only)
    error_message = "fifo does not go with dead_letter_only: nothing but a FIFO queue sends dead letters to a FIFO queue."
  }
}

variable "content_based_deduplication" {
  description = "Take the SHA-256 of a message's body as its deduplication id where the sender gives none. Only with fifo."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.content_based_deduplication || var.fifo
    error_message = "content_based_deduplication goes with fifo only."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the messages; its policy must let producer_services use it. Null: the keys that SQS manages."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (not an alias), or null."
  }
}

variable "producer_services" {
  description = "ARNs of the resources that may send, by service principal, for example { \"events.amazonaws.com\" = [<ARN of the rule>] }. They may also put in the dead-letter queue what they could not deliver, unless it is a FIFO queue."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for service in keys(var.producer_services) : can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)*\\.amazonaws\\.com$", service))])
    error_message = "Each key of producer_services must be a service principal, for example events.amazonaws.com."
  }

  # Without a source any account's resources could send through the service.
  validation {
    condition = alltrue([
      for sources in values(var.producer_services) :
      length(sources) > 0 && alltrue([for arn in sources : can(regex("^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:.+$", arn))])
    ])
    error_message = "Each service of producer_services must have at least one source, and each source must be an ARN with its service in it."
  }
}

variable "producer_role_arns" {
  description = "ARNs of roles that may send without a policy of their own: for producers in other accounts. Roles of this account are better given their permission themselves."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.producer_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", arn))])
    error_message = "Each of producer_role_arns must be the ARN of an IAM role."
  }
}

variable "consumer" {
  description = <<-EOT
    The Lambda function that reads the queue. A received message is hidden for 6 times its timeout and the batching window,
    as AWS advises: shorter, messages come again while calls with them are throttled or under way, until they are dead letters.
    Null: no function reads the queue.
      timeout_seconds          of the function
      batching_window_seconds  of its event source mapping
  EOT
  type = object({
    timeout_seconds         = number
    batching_window_seconds = optional(number, 0)
  })
  default = null

  validation {
    condition     = var.consumer == null ? true : var.consumer.timeout_seconds >= 1 && var.consumer.timeout_seconds <= 900
    error_message = "timeout_seconds of the consumer must be 1 to 900, as Lambda has it."
  }

  validation {
    condition     = var.consumer == null ? true : var.consumer.batching_window_seconds >= 0 && var.consumer.batching_window_seconds <= 300
    error_message = "batching_window_seconds of the consumer must be 0 to 300, as Lambda has it."
  }

  validation {
    condition     = var.consumer == null || !var.dead_letter_only
    error_message = "consumer does not go with dead_letter_only: dead letters are handed over again by a redrive, not read by a function."
  }
}

variable "visibility_timeout_seconds" {
  description = "Seconds for which a received message is hidden from others, for a queue that no function reads. Null: 180."
  type        = number
  default     = null

  validation {
    condition     = var.visibility_timeout_seconds == null ? true : var.visibility_timeout_seconds >= 1 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds must be 1 to 43200 (12 hours)."
  }

  validation {
    condition     = var.visibility_timeout_seconds == null || var.consumer == null
    error_message = "visibility_timeout_seconds does not go with a consumer: it follows from the function's timeout. Leave it out."
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

  # As AWS advises: a call that is throttled or too late costs its messages a receive, and there is nothing wrong with them.
  validation {
    condition     = var.consumer == null || var.max_receive_count >= 5
    error_message = "max_receive_count must be at least 5 where a function reads the queue, or good messages become dead letters while it is throttled."
  }
}
