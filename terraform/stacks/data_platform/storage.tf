# Where data is kept

module "data_lake" {
  source = "../../modules/s3_data_lake"

  project_name           = var.project_name
  environment            = var.environment
  force_destroy          = var.data_can_be_made_again
  kms_key_arn            = module.key.key_arn
  access_log_bucket_name = "${var.project_name}-${var.environment}-access-logs-${local.bucket_suffix}"
  glacier_after_days     = { raw = 365 } # read again only for a late event, or to build everything anew

  bucket_names = {
    for zone in ["raw", "processed", "curated"] :
    zone => "${var.project_name}-${var.environment}-${zone}-${local.bucket_suffix}"
  }
}

module "tables" {
  source = "../../modules/dynamodb"

  project_name        = var.project_name
  environment         = var.environment
  deletion_protection = !var.data_can_be_made_again
  kms_key_arn         = module.key.key_arn

  tables = {
    products  = { hash_key = "product_id", attributes = { product_id = "S" } }
    customers = { hash_key = "customer_id", attributes = { customer_id = "S" } }
    stores    = { hash_key = "store_id", attributes = { store_id = "S" } }
    inventory = {
      hash_key         = "product_id"
      attributes       = { product_id = "S" }
      stream_view_type = "NEW_AND_OLD_IMAGES"
    }
    orders = {
      hash_key         = "order_id"
      attributes       = { order_id = "S" }
      stream_view_type = "NEW_AND_OLD_IMAGES"
    }

    daily_totals   = { hash_key = "order_date", attributes = { order_date = "S" } }
    product_totals = { hash_key = "product_id", attributes = { product_id = "S" } }
    projected_orders = {
      hash_key      = "order_id"
      range_key     = "part"
      attributes    = { order_id = "S", part = "S" }
      ttl_attribute = "expires_at"
    }
    restocks = { hash_key = "product_id", attributes = { product_id = "S" } }
  }
}
