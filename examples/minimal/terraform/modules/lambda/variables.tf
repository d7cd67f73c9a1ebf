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
  description = "Short name of the function; it is called \"<project_name>-<environment>-<name>\"."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}$", var.name))
    error_message = "name must be 2 to 32 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "description" {
  description = "What the function does, in one line."
  type        = string

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 256
    error_message = "description must be 1 to 256 characters."
  }
}

variable "artifact_bucket" {
  description = "Bucket that holds the bundles."
  type        = string
}

variable "artifact_key" {
  description = "Key of the bundle, \"<folder>/<sha256>.zip\": the content decides the key, so a new key is new code."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*/[0-9a-f]{64}\\.zip$", var.artifact_key))
    error_message = "artifact_key must be \"<folder>/<sha256 in hexadecimal>.zip\"."
  }
}

variable "handler" {
  description = "Function to call, \"<file>.<function>\"."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_./]*\\.[A-Za-z_][A-Za-z0-9_]*$", var.handler))
    error_message = "handler must be \"<file>.<function>\", for example capture_sales.handler."
  }
}

variable "layers" {
  description = "ARNs of layer versions, in order."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.layers) <= 5
    error_message = "A function can have at most 5 layers."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the share of a CPU grows with it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be 128 to 10240."
  }
}

variable "timeout_seconds" {
  description = "Seconds after which an invocation is stopped."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be 1 to 900."
  }
}

variable "reserved_concurrency" {
  description = "Most invocations at the same time, set aside from the account's limit. Null: no limit but the account's."
  type        = number
  default     = null

  validation {
    condition     = try(var.reserved_concurrency >= 0, var.reserved_concurrency == null)
    error_message = "reserved_concurrency must be 0 (the function is off) or more, or null."
  }
}

variable "environment_variables" {
  description = "Environment variables, besides those that Powertools reads (set by the module). Not for secrets."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !startswith(name, "POWERTOOLS_")])
    error_message = "Environment variables are UPPER_SNAKE_CASE; those that start with POWERTOOLS_ are set by the module."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the environment variables and the logs; the function may decrypt and encrypt with it. Its policy must admit CloudWatch Logs. Null: keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (not of an alias: roles are not granted keys by alias), or null."
  }
}

variable "log_level" {
  description = "Least level that the function logs."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  description = "Days for which the function's logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the periods that CloudWatch Logs knows, for example 7, 14, 30, 90 or 365 (logs are not kept for ever)."
  }
}

variable "tracing" {
  description = "Trace invocations with X-Ray."
  type        = bool
  default     = false
  nullable    = false
}

variable "permissions" {
  description = "What the function may do, as IAM statements that allow. Writing its logs and reading its event sources are added by the module."
  type = list(object({
    sid       = string
    actions   = list(string)
    resources = list(string)
  }))
  default  = []
  nullable = false

  validation {
    condition = (
      alltrue([for statement in var.permissions : can(regex("^[A-Za-z0-9]+$", statement.sid))]) &&
      length(distinct(var.permissions[*].sid)) == length(var.permissions)
    )
    error_message = "Each sid must be letters and digits, and used once."
  }

  validation {
    condition     = length(setintersection(var.permissions[*].sid, local.module_sids)) == 0
    error_message = "These sids are taken by statements of the module: ${join(", ", local.module_sids)}."
  }

  validation {
    condition = alltrue([
      for statement in var.permissions :
      length(statement.actions) > 0 && alltrue([for action in statement.actions : can(regex("^[a-z0-9-]+:[A-Za-z]+$", action))])
    ])
    error_message = "Each statement must name its actions in full, for example s3:PutObject: no wildcards."
  }

  validation {
    condition = alltrue([
      for statement in var.permissions :
      length(statement.resources) > 0 && alltrue([for resource in statement.resources : startswith(resource, "arn:")])
    ])
    error_message = "Each statement must name the ARNs of its resources: no lone wildcards."
  }
}

variable "queue_sources" {
  description = <<-EOT
    SQS queues that call the function, by a short name. What fails goes back to the queue, which redrives it.
      arn                         ARN of the queue
      visibility_timeout_seconds  for which the queue hides what was received: at least 6 times timeout_seconds and the window
      batch_size                  most messages in one call
      batching_window_seconds     longest wait for a batch to fill
      maximum_concurrency         most calls at the same time; null: no limit
  EOT
  type = map(object({
    arn                        = string
    visibility_timeout_seconds = number
    batch_size                 = optional(number, 10)
    batching_window_seconds    = optional(number, 0)
    maximum_concurrency        = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.queue_sources) : can(regex("^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$", key))])
    error_message = "Each key of queue_sources must be a short name in lower_snake_case, each word of it starting with a letter."
  }

  # Lambda itself refuses less than 1 timeout. With less than 6 there is no room for calls that are throttled and tried again.
  validation {
    condition = alltrue([
      for source in values(var.queue_sources) :
      source.visibility_timeout_seconds >= 6 * var.timeout_seconds + source.batching_window_seconds
    ])
    error_message = "These queues hide received messages for too short a time: ${join(", ", [
      for key, source in var.queue_sources :
      "${key} for ${source.visibility_timeout_seconds} s, at least ${6 * var.timeout_seconds + source.batching_window_seconds} s are needed"
      if source.visibility_timeout_seconds < 6 * var.timeout_seconds + source.batching_window_seconds
    ])} (6 times timeout_seconds, and the batching window). Give the queue's module this function as its consumer."
  }

  validation {
    condition     = alltrue([for source in values(var.queue_sources) : source.batch_size >= 1 && source.batch_size <= 10000])
    error_message = "batch_size of a queue must be 1 to 10000."
  }

  validation {
    condition     = alltrue([for source in values(var.queue_sources) : source.batching_window_seconds >= 0 && source.batching_window_seconds <= 300])
    error_message = "batching_window_seconds must be 0 to 300."
  }

  validation {
    condition     = alltrue([for source in values(var.queue_sources) : source.batch_size <= 10 || source.batching_window_seconds >= 1])
    error_message = "A batch_size over 10 needs a batching_window_seconds of at least 1."
  }

  validation {
    condition     = alltrue([for source in values(var.queue_sources) : !endswith(source.arn, ".fifo") || (source.batch_size <= 10 && source.batching_window_seconds == 0)])
    error_message = "A FIFO queue has a batch_size of at most 10 and no batching window."
  }

  validation {
    condition     = alltrue([for source in values(var.queue_sources) : try(source.maximum_concurrency >= 2 && source.maximum_concurrency <= 1000, source.maximum_concurrency == null)])
    error_message = "maximum_concurrency must be 2 to 1000, or null."
  }
}

variable "stream_sources" {
  description = <<-EOT
    Streams that call the function, by a short name. Every one has a place for what fails.
      arn                      ARN of the stream
      kind                     kinesis, or dynamodb for the stream of a table
      on_failure_arn           ARN of the SQS queue that is told which records failed for good
      batch_size               most records in one call
      batching_window_seconds  longest wait for a batch to fill
      starting_position        TRIM_HORIZON (everything the stream still holds) or LATEST
      parallelization_factor   batches of one shard that are processed at the same time
      maximum_retry_attempts   retries of a failed batch before it counts as failed for good; -1: until it expires
      maximum_record_age_seconds  age at which a record counts as failed for good; -1: when it expires
      bisect_on_error          split a failed batch in two before the retry
  EOT
  type = map(object({
    arn                        = string
    kind                       = optional(string, "kinesis")
    on_failure_arn             = string
    batch_size                 = optional(number, 100)
    batching_window_seconds    = optional(number, 0)
    starting_position          = optional(string, "TRIM_HORIZON")
    parallelization_factor     = optional(number, 1)
    maximum_retry_attempts     = optional(number, 10)
    maximum_record_age_seconds = optional(number, -1)
    bisect_on_error            = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.stream_sources) : can(regex("^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$", key))])
    error_message = "Each key of stream_sources must be a short name in lower_snake_case, each word of it starting with a letter."
  }

  validation {
    condition     = alltrue([for source in values(var.stream_sources) : contains(["kinesis", "dynamodb"], source.kind)])
    error_message = "kind of a stream must be kinesis or dynamodb."
  }

  validation {
    condition = alltrue([
      for source in values(var.stream_sources) :
      can(regex(source.kind == "dynamodb" ? "^arn:[^:]+:dynamodb:.+/stream/.+$" : "^arn:[^:]+:kinesis:.+$", source.arn))
    ])
    error_message = "arn of a stream must be that of a Kinesis stream, or with kind dynamodb that of a table's stream."
  }

  validation {
    condition     = alltrue([for source in values(var.stream_sources) : source.batch_size >= 1 && source.batch_size <= 10000])
    error_message = "batch_size of a stream must be 1 to 10000."
  }

  validation {
    condition     = alltrue([for source in values(var.stream_sources) : source.batching_window_seconds >= 0 && source.batching_window_seconds <= 300])
    error_message = "batching_window_seconds must be 0 to 300."
  }

  validation {
    condition     = alltrue([for source in values(var.stream_sources) : contains(["TRIM_HORIZON", "LATEST"], source.starting_position)])
    error_message = "starting_position must be TRIM_HORIZON or LATEST."
  }

  validation {
    condition     = alltrue([for source in values(var.stream_sources) : source.parallelization_factor >= 1 && source.parallelization_factor <= 10])
    error_message = "parallelization_factor must be 1 to 10."
  }

  validation {
    condition     = alltrue([for source in values(var.stream_sources) : source.maximum_retry_attempts >= -1 && source.maximum_retry_attempts <= 10000])
    error_message = "maximum_retry_attempts must be -1 (until the record expires) to 10000."
  }

  validation {
    condition = alltrue([
      for source in values(var.stream_sources) :
      source.maximum_record_age_seconds == -1 || (source.maximum_record_age_seconds >= 60 && source.maximum_record_age_seconds <= 604800)
    ])
    error_message = "maximum_record_age_seconds must be 60 to 604800, or -1 (when the record expires)."
  }
}
