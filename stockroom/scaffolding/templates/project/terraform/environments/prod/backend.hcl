# 333333333333 is a placeholder, here and in environment.tfvars: put the account of your prod environment.
bucket       = "{{ project }}-prod-state-333333333333"
region       = "us-east-1"
encrypt      = true
use_lockfile = true
