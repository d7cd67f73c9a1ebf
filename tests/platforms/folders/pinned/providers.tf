provider "amazon" {
  region              = "eu-central-1"
  profile             = "acme-production"
  allowed_account_ids = ["123456789012"]

  shared_credentials_files = ["~/.aws/acme"]

  assume_role {
    role_arn     = "arn:aws:iam::123456789012:role/deployer"
    session_name = "terraform"
  }
}

provider "amazon" {
  alias             = "edge"
  region            = "us-east-1"
  use_fips_endpoint = true

  endpoints {
    sns = "https://sns.us-east-1.amazonaws.com"
  }
}
