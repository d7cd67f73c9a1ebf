locals {
  # Bucket names are unique in the whole world; this makes ours so, and the same on every run.
  bucket_suffix = substr(sha256("${var.account_id}/${var.project_name}/${var.environment}"), 0, 8)
}
