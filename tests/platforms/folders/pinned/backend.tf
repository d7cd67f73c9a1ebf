terraform {
  backend "s3" {
    bucket         = "acme-production-terraform-state"
    key            = "platform/network.tfstate"
    region         = "eu-central-1"
    profile        = "acme-production"
    dynamodb_table = "terraform-locks"
    encrypt        = true
  }

  required_providers {
    amazon = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}
