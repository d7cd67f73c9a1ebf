project_name = "minimal"
environment  = "prod"
account_id   = "333333333333" # placeholder: the account of your prod environment
region       = "us-east-1"
owner        = "minimal"
cost_center  = "minimal"
