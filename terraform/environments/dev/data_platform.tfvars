data_can_be_made_again = true

log_level          = "DEBUG"
log_retention_days = 14

sales_events_shards          = 1
sales_events_retention_hours = 24

capture_sales_batching_window_seconds = 10
capture_sales_maximum_retry_attempts  = 3

process_orders_timeout_seconds = 30
orders_retention_seconds       = 345600
orders_max_receive_count       = 5

redelivery_pause_seconds = 10

curation_batching_window_seconds = 10
curation_timeout_seconds         = 120
curation_retention_seconds       = 345600
curation_max_receive_count       = 5

table_streams_batching_window_seconds = 1
table_streams_maximum_retry_attempts  = 3

monthly_budget_usd = 50
