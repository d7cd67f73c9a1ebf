project_name = "{{ project }}"
environment  = "test"
account_id   = "222222222222" # placeholder: the account of your test environment
region       = "us-east-1"
owner        = "{{ project }}"
cost_center  = "{{ project }}"
