project_name = "{{ project }}"
environment  = "local"
account_id   = "000000000000" # the emulator's account
region       = "us-east-1"
owner        = "{{ project }}"
cost_center  = "{{ project }}"
