project_name = "stockroom"
environment  = "local"
account_id   = "000000000000" # the emulator's account
region       = "us-east-1"
owner        = "data-platform"
cost_center  = "local"
