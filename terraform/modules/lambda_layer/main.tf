# A layer version never changes and takes no tags; new content is a new version.

resource "aws_lambda_layer_version" "this" {
  layer_name               = "${var.project_name}-${var.environment}-${var.name}"
  description              = var.description
  s3_bucket                = var.artifact_bucket
  s3_key                   = var.artifact_key
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["x86_64"]

  # Functions go over to the new version before the old one is deleted.
  lifecycle {
    create_before_destroy = true
  }
}
