variable "project_name" { type = string }
variable "environment" { type = string }
variable "account_id" { type = string }
variable "region" { type = string }
variable "owner" { type = string }
variable "cost_center" { type = string }
variable "artifact_bucket" { type = string }
variable "bundles" { type = map(string) }
variable "layers" { type = map(string) }

variable "greeting" {
  type = string

  validation {
    condition     = length(var.greeting) > 0
    error_message = "greeting must not be empty."
  }
}
