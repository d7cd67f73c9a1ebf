output "bucket_names" {
  description = "Bucket names by zone; with access_log_bucket_name also access_logs."
  value = merge(
    { for zone, bucket in aws_s3_bucket.this : zone => bucket.bucket },
    { for bucket in aws_s3_bucket.access_logs : "access_logs" => bucket.bucket },
  )
}

output "bucket_arns" {
  description = "Bucket ARNs by zone; with access_log_bucket_name also access_logs."
  value = merge(
    { for zone, bucket in aws_s3_bucket.this : zone => bucket.arn },
    { for bucket in aws_s3_bucket.access_logs : "access_logs" => bucket.arn },
  )
}
