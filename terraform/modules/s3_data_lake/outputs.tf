output "bucket_names" {
  description = "Bucket names by zone."
  value       = { for zone, bucket in aws_s3_bucket.this : zone => bucket.bucket }
}

output "bucket_arns" {
  description = "Bucket ARNs by zone."
  value       = { for zone, bucket in aws_s3_bucket.this : zone => bucket.arn }
}
