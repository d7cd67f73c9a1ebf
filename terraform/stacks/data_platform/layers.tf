# What functions need beyond the Lambda image

module "pyarrow" {
  source = "../../modules/lambda_layer"

  project_name    = var.project_name
  environment     = var.environment
  name            = "pyarrow"
  description     = "Apache Arrow, for Parquet"
  artifact_bucket = var.artifact_bucket
  artifact_key    = var.layers["pyarrow"]
}
