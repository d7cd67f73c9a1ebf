output "key_arn" {
  description = "ARN of the key: what other modules take as kms_key_arn."
  value       = format("%s", aws_kms_key.this.arn) # never null, and so known to a plan: what is encrypted with it shows as such
}

output "alias_name" {
  description = "Name of the key's alias, with \"alias/\" in front."
  value       = aws_kms_alias.this.name
}
