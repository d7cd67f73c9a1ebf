# As prod, so that what a release does there is seen here first; smaller, and nothing here has to be kept.
data_can_be_made_again = true

log_level          = "INFO"
log_retention_days = 30
tracing            = true

sales_events_shards          = null # on demand
sales_events_retention_hours = 24

capture_sales_batching_window_seconds = 60
capture_sales_maximum_retry_attempts  = 10

process_orders_timeout_seconds = 30
orders_retention_seconds       = 345600
orders_max_receive_count       = 5

redelivery_pause_seconds = 60

curation_batching_window_seconds = 60
curation_timeout_seconds         = 300
curation_retention_seconds       = 345600
curation_max_receive_count       = 5

table_streams_batching_window_seconds = 5
table_streams_maximum_retry_attempts  = 10

shard_level_metrics = true
monthly_budget_usd  = 100
