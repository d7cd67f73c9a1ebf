variable "project_name" {
  description = "Project whose stacks are deployed; the first part of the name of all that the roles may touch."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.project_name))
    error_message = "project_name must be 2 to 20 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "environment" {
  description = "Environment that is deployed to, and the GitHub environment of the jobs that may deploy; the second part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2 to 12 lower-case letters or digits, starting with a letter."
  }
}

variable "repository" {
  description = "Repository of GitHub whose workflows get the roles: \"owner/name\", or \"owner@id/name@id\" where its tokens have immutable subjects."
  type        = string

  validation {
    condition     = can(regex("^([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+|[A-Za-z0-9][A-Za-z0-9-]*@[0-9]+/[A-Za-z0-9._-]+@[0-9]+)$", var.repository))
    error_message = "repository must be \"owner/name\" or \"owner@id/name@id\", without wildcards."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the account's identity provider for GitHub, where there is one already: an account can have only one. Null: it is made."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null ? true : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be the ARN of the provider for token.actions.githubusercontent.com, or null."
  }
}

variable "plan_branches" {
  description = "Branches whose workflows may plan."
  type        = set(string)
  default     = ["main"]
  nullable    = false

  validation {
    condition     = alltrue([for branch in var.plan_branches : can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", branch))])
    error_message = "plan_branches must be names of branches, without refs/heads/ in front and without wildcards."
  }

  validation {
    condition     = length(var.plan_branches) > 0
    error_message = "plan_branches must name a branch: the one that is released."
  }
}

variable "plan_pull_requests" {
  description = "Whether workflows of pull requests may plan too. Those of forks never can: GitHub gives them no token."
  type        = bool
  default     = true
  nullable    = false
}

variable "plan_locks" {
  description = "Whether the role that plans may lock states, for plain `terraform plan`. `invoke plan` takes no lock; who may lock can hold up a deployment."
  type        = bool
  default     = false
  nullable    = false
}

variable "data_can_be_made_again" {
  description = "Whether a deployment may delete what holds data: buckets with their objects, tables, streams, queues, log groups, secrets and keys. False: an administrator does."
  type        = bool
  default     = false
  nullable    = false
}

variable "lock_table_name" {
  description = "DynamoDB table in which Terraform locks its states, as backend.hcl of the environment names it. Null: lock files only."
  type        = string
  default     = null

  validation {
    condition     = var.lock_table_name == null ? true : can(regex("^[A-Za-z0-9_.-]{3,255}$", var.lock_table_name))
    error_message = "lock_table_name must be the name of a table, 3 to 255 letters, digits, underscores, hyphens and dots, or null."
  }
}

variable "ledger_bucket_before" {
  description = "State bucket of the environment that releases come from: its ledger tells what ran there. Null: they come from nowhere else."
  type        = string
  default     = null

  validation {
    condition     = var.ledger_bucket_before == null ? true : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.ledger_bucket_before))
    error_message = "ledger_bucket_before must be the name of a bucket, or null."
  }
}

variable "functions_need_boundary" {
  description = "Whether roles may be made and changed only with the permissions boundary that this module makes (output functions_boundary_arn)."
  type        = bool
  default     = false
  nullable    = false
}

variable "session_hours" {
  description = "Hours after which the credentials of a job end: longer than a deployment takes."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.session_hours >= 1 && var.session_hours <= 12 && floor(var.session_hours) == var.session_hours
    error_message = "session_hours must be a whole number from 1 to 12."
  }
}
