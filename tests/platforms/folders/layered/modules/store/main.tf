terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  type = string
}

variable "policy" {
  type = string
}

module "labels" {
  source = "../labels"
  name   = var.name
}

data "aws_region" "here" {}

resource "aws_sns_topic" "sales" {
  name = "${module.labels.prefix}-sales"
}

resource "aws_ssm_parameter" "policy" {
  name  = "/${module.labels.prefix}/policy"
  type  = "String"
  value = var.policy
}

output "topic" {
  value = aws_sns_topic.sales.arn
}

output "region" {
  value = data.aws_region.here.name
}
