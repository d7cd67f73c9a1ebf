# 111111111111 is a placeholder, here and in environment.tfvars: put the account of your dev environment.
bucket       = "{{ project }}-dev-state-111111111111"
region       = "us-east-1"
encrypt      = true
use_lockfile = true
