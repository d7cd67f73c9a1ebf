output "table_names" {
  description = "Full table names by short name."
  value       = { for key, table in local.tables : key => table.name }
}

output "table_arns" {
  description = "Table ARNs by short name."
  value       = { for key, table in local.tables : key => table.arn }
}

output "stream_arns" {
  description = "Stream ARNs by short name, of the tables that have a stream."
  value       = { for key, table in local.tables : key => table.stream_arn if var.tables[key].stream_view_type != null }
}
