data_can_be_made_again = false

log_level          = "INFO"
log_retention_days = 365
tracing            = true

sales_events_shards          = null # on demand
sales_events_retention_hours = 168

capture_sales_batching_window_seconds = 60
capture_sales_maximum_retry_attempts  = 100

process_orders_timeout_seconds = 30
orders_retention_seconds       = 1036800 # 12 days of the 14 that a dead letter has
orders_max_receive_count       = 5

redelivery_pause_seconds = 60

curation_batching_window_seconds = 60
curation_timeout_seconds         = 300
curation_retention_seconds       = 1036800
curation_max_receive_count       = 5

table_streams_batching_window_seconds = 5
table_streams_maximum_retry_attempts  = 100

shard_level_metrics        = true
alarm_email                = "alarms@example.com" # placeholder: who is on call
monthly_budget_usd         = 500
cost_anomaly_threshold_usd = 50
