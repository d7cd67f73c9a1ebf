terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Bucket, region and key come from -backend-config: environments/<env>/backend.hcl and the name of the stack.
  backend "s3" {}
}
