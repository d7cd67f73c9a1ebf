project_name = "{{ project }}"
environment  = "dev"
account_id   = "111111111111" # placeholder: the account of your dev environment
region       = "us-east-1"
owner        = "{{ project }}"
cost_center  = "{{ project }}"
