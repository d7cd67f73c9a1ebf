"""Running Terraform: binary, provider, working directories, checks."""
