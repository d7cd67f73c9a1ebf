project_name = "minimal"
environment  = "test"
account_id   = "222222222222" # placeholder: the account of your test environment
region       = "us-east-1"
owner        = "minimal"
cost_center  = "minimal"
