variable "stores" {
  type = set(string)
}
