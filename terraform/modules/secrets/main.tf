locals {
  tags = { Module = "secrets" }
}

# Secrets without values: whoever may put a value there does so in Secrets Manager, and Terraform never sees it

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:A value that can be changed has an owner who changes it; a key of pseudonyms must stay, or customers lose theirs.
  for_each = var.secrets

  name                    = "${var.project_name}/${var.environment}/${each.key}"
  description             = each.value.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
  tags                    = local.tags
}

# Parameters: settings that are no secret

resource "aws_ssm_parameter" "this" {
  #checkov:skip=CKV_AWS_337:No secrets; what reads them should need no key.
  #checkov:skip=CKV2_AWS_34:No secrets; what reads them should need no key.
  for_each = var.parameters

  name           = "/${var.project_name}/${var.environment}/${each.key}"
  description    = each.value.description
  type           = "String"
  tier           = "Standard"
  insecure_value = each.value.value # no secret, so plans show it
  tags           = local.tags
}
