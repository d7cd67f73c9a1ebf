project_name = "minimal"
environment  = "dev"
account_id   = "111111111111" # placeholder: the account of your dev environment
region       = "us-east-1"
owner        = "minimal"
cost_center  = "minimal"
