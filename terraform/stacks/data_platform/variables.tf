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
  description = "Keys of the bundles in artifact_bucket, by function folder: { capture_sales = \"capture_sales/<sha256>.zip\" }."
  type        = map(string)

  validation {
    condition     = alltrue([for function in ["capture_sales", "process_orders", "curate_sales", "daily_sales", "project_orders", "restock"] : contains(keys(var.bundles), function)])
    error_message = "bundles must hold capture_sales, process_orders, curate_sales, daily_sales, project_orders and restock."
  }
}

variable "layers" {
  description = "Keys of the layers in artifact_bucket, by layer folder: { pyarrow = \"pyarrow/<sha256>.zip\" }."
  type        = map(string)

  validation {
    condition     = contains(keys(var.layers), "pyarrow")
    error_message = "layers must hold pyarrow."
  }
}

# What may differ between environments, from environments/<env>/data_platform.tfvars

variable "data_can_be_made_again" {
  description = "The environment's data is disposable: tables, buckets and secrets may be deleted at once, with all that they hold."
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

variable "tracing" {
  description = "Trace the functions with X-Ray."
  type        = bool
  default     = false
}

variable "sales_events_shards" {
  description = "Shards of the stream of sales events. Null: on demand."
  type        = number
  default     = null
}

variable "sales_events_retention_hours" {
  description = "Hours for which a sales event can be read again from the stream."
  type        = number
  default     = 24
}

variable "shard_level_metrics" {
  description = "Measure the stream of sales events by shard (each metric of each shard costs)."
  type        = bool
  default     = false
}

variable "capture_sales_batching_window_seconds" {
  description = "Longest wait for a batch of sales events to fill: larger objects in the raw bucket against fresher ones."
  type        = number
  default     = 60
}

variable "capture_sales_maximum_retry_attempts" {
  description = "Retries of a batch of sales events before it is reported to the dead-letter queue; the shard waits meanwhile."
  type        = number
  default     = 10
}

variable "process_orders_timeout_seconds" {
  description = "Seconds that process_orders has for a batch."
  type        = number
  default     = 30

  validation {
    condition     = var.process_orders_timeout_seconds >= 5 && var.process_orders_timeout_seconds <= 900
    error_message = "process_orders_timeout_seconds must be 5 to 900."
  }
}

variable "orders_retention_seconds" {
  description = "Seconds for which the queue keeps an order that nobody consumes."
  type        = number
  default     = 1036800
}

variable "orders_max_receive_count" {
  description = "How often an order is received before it goes to the dead-letter queue."
  type        = number
  default     = 5
}

variable "redelivery_pause_seconds" {
  description = "Seconds until an order or a notice of a new object comes again that lacks something, such as a product; after the n-th receive n times as long. What can never be processed comes again at once, and what failed otherwise after its visibility timeout."
  type        = number
  default     = 60 # with 5 receives 15 minutes until it is a dead letter

  validation {
    condition     = var.redelivery_pause_seconds >= 1 && var.redelivery_pause_seconds <= 900
    error_message = "redelivery_pause_seconds must be 1 to 900."
  }
}

variable "curation_batching_window_seconds" {
  description = "Longest wait for new objects to gather before a date is curated again: fewer runs against fresher data. Both steps wait as long."
  type        = number
  default     = 60
}

variable "curation_timeout_seconds" {
  description = "Seconds that curate_sales and daily_sales have for a batch of dates."
  type        = number
  default     = 300

  validation {
    condition     = var.curation_timeout_seconds >= 10 && var.curation_timeout_seconds <= 900
    error_message = "curation_timeout_seconds must be 10 to 900."
  }
}

variable "curation_retention_seconds" {
  description = "Seconds for which a notice of a new object is kept that nobody consumes."
  type        = number
  default     = 1036800
}

variable "curation_max_receive_count" {
  description = "How often a notice of a new object is received before it goes to the dead-letter queue."
  type        = number
  default     = 5
}

variable "curation_maximum_concurrency" {
  description = "Most calls at the same time of each step of curation. A call does all that has come for a date: more of them do more dates at once, and the same ones twice."
  type        = number
  default     = 4

  validation {
    condition     = var.curation_maximum_concurrency >= 2 && var.curation_maximum_concurrency <= 1000
    error_message = "curation_maximum_concurrency must be 2 to 1000, as Lambda has it."
  }
}

variable "table_streams_batching_window_seconds" {
  description = "Longest wait for a batch of changes of the orders and the inventory table to fill."
  type        = number
  default     = 5
}

variable "table_streams_maximum_retry_attempts" {
  description = "Retries of a batch of changes before it is reported to the dead-letter queue; the shard waits meanwhile."
  type        = number
  default     = 10
}

variable "alarm_email" {
  description = "Address that alarms, budget and cost alerts are sent to, once it has confirmed. Null: nobody is told."
  type        = string
  default     = null
}

variable "monthly_budget_usd" {
  description = "What the platform may cost a month, in US dollars; alerts go out at 80 % forecast and at 100 %."
  type        = number
  default     = 100
}

variable "cost_anomaly_threshold_usd" {
  description = "Unusual spending in US dollars that is reported. Null: not watched (an account holds one such monitor only)."
  type        = number
  default     = null
}
