terraform {
  required_version = ">= 1.5, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = "us-west-2"

  default_tags {
    tags = { team = "shop" }
  }
}

provider "aws" {
  alias  = "frankfurt"
  region = "eu-central-1"
}
