data_can_be_made_again = false

log_level          = "INFO"
log_retention_days = 365
timeout_seconds    = 30
max_receive_count  = 5
