output "plan_role_arn" {
  description = "ARN of the role that plans: for the repository variable PLAN_ROLE_ARN_<ENVIRONMENT>."
  value       = aws_iam_role.plan.arn
}

output "deploy_role_arn" {
  description = "ARN of the role that deploys: for the variable DEPLOY_ROLE_ARN of the GitHub environment."
  value       = aws_iam_role.deploy.arn
}

output "oidc_provider_arn" {
  description = "ARN of the identity provider for GitHub, for a second environment in the same account."
  value       = local.oidc_provider_arn
}

output "functions_boundary_arn" {
  description = "ARN of the permissions boundary for the roles of functions."
  value       = aws_iam_policy.functions_boundary.arn
}
