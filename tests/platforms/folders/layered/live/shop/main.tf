module "store" {
  source = "../../modules/store"

  for_each = var.stores

  name   = "${terraform.workspace}-${each.key}"
  policy = file("${path.module}/../../policies/read.json.tpl")
}

module "archive" {
  source    = "../../modules/store"
  providers = { aws = aws.frankfurt }

  name   = "${terraform.workspace}-archive"
  policy = file("${path.module}/../../policies/read.json.tpl")
}
