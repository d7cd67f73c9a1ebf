# 222222222222 is a placeholder, here and in environment.tfvars: put the account of your test environment.
bucket       = "minimal-test-state-222222222222"
region       = "us-east-1"
encrypt      = true
use_lockfile = true
