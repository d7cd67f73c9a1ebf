output "topics" {
  value = { for name, store in module.store : name => store.topic }
}

output "archive_region" {
  value = module.archive.region
}
