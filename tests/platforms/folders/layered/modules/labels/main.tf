variable "name" {
  type = string
}

output "prefix" {
  value = "layered-${var.name}"
}
