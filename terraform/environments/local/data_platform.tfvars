data_can_be_made_again = true

log_level          = "INFO"
log_retention_days = 1

sales_events_shards          = 2
sales_events_retention_hours = 24

capture_sales_batching_window_seconds = 1
capture_sales_maximum_retry_attempts  = 3

process_orders_timeout_seconds = 60 # the processors of a laptop may be taken by other work
orders_retention_seconds       = 86400
orders_max_receive_count       = 5

redelivery_pause_seconds = 1

curation_batching_window_seconds = 1
curation_timeout_seconds         = 120
curation_retention_seconds       = 86400
curation_max_receive_count       = 5
curation_maximum_concurrency     = 2 # a laptop has few cores

table_streams_batching_window_seconds = 0
table_streams_maximum_retry_attempts  = 3

monthly_budget_usd         = 10
cost_anomaly_threshold_usd = 10
