project_name = "minimal"
environment  = "local"
account_id   = "000000000000" # the emulator's account
region       = "us-east-1"
owner        = "minimal"
cost_center  = "minimal"
