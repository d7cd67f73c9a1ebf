mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::222222222222:policy/delivery/made-by-the-mock" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/delivery/made-by-the-mock" }
  }
}

variables {
  project_name = "stockroom"
  environment  = "test"
  repository   = "example/stockroom"
}

# Who gets the roles

run "trusts_github_and_one_repository" {
  command = apply

  assert {
    condition = (
      aws_iam_openid_connect_provider.github[0].url == "https://token.actions.githubusercontent.com" &&
      aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com"]) &&
      aws_iam_openid_connect_provider.github[0].tags == tomap({ Module = "delivery_roles" })
    )
    error_message = "The provider must be GitHub's, for STS only, and carry the Module tag."
  }

  assert {
    condition = jsondecode(aws_iam_role.plan.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:example/stockroom:ref:refs/heads/main", "repo:example/stockroom:pull_request"]
      } }
    }]
    error_message = "The plan role must be for the branch main and for pull requests of the repository, and for nobody else."
  }

  assert {
    condition = jsondecode(aws_iam_role.deploy.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:example/stockroom:environment:test"]
      } }
    }]
    error_message = "The deploy role must be for jobs of the GitHub environment and for nobody else."
  }

  assert {
    condition     = output.plan_role_arn == aws_iam_role.plan.arn && output.deploy_role_arn == aws_iam_role.deploy.arn && output.oidc_provider_arn == aws_iam_openid_connect_provider.github[0].arn && output.functions_boundary_arn == aws_iam_policy.functions_boundary.arn
    error_message = "The outputs must be the ARNs of what was made."
  }
}

run "uses_the_provider_that_is_there_and_other_branches" {
  command = plan

  variables {
    repository         = "example@123456/stockroom@456789"
    oidc_provider_arn  = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"
    plan_branches      = ["release/2026", "main"]
    plan_pull_requests = false
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && output.oidc_provider_arn == var.oidc_provider_arn
    error_message = "A second provider for GitHub can't be made in an account."
  }

  assert {
    condition     = jsondecode(aws_iam_role.plan.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example@123456/stockroom@456789:ref:refs/heads/main", "repo:example@123456/stockroom@456789:ref:refs/heads/release/2026"]
    error_message = "Only the branches that are named may plan, and immutable subjects must be taken as they are."
  }

  assert {
    condition     = jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example@123456/stockroom@456789:environment:test"]
    error_message = "Branches must not change who deploys."
  }
}

# What the roles are

run "names_roles_and_policies_where_a_deployment_can_not_change_them" {
  command = plan

  assert {
    condition = (
      aws_iam_role.plan.name == "stockroom-test-plan" && aws_iam_role.plan.path == "/delivery/" &&
      aws_iam_role.deploy.name == "stockroom-test-deploy" && aws_iam_role.deploy.path == "/delivery/" &&
      alltrue([for policy in concat(values(aws_iam_policy.this), [aws_iam_policy.functions_boundary]) : policy.path == "/delivery/" && startswith(policy.name, "stockroom-test-")])
    )
    error_message = "Roles and policies must be under /delivery/, which role/<prefix>* does not cover."
  }

  assert {
    condition     = alltrue([for made in concat(values(aws_iam_policy.this), [aws_iam_policy.functions_boundary, aws_iam_role.plan, aws_iam_role.deploy]) : made.tags == tomap({ Module = "delivery_roles" })])
    error_message = "Roles and policies must carry the Module tag."
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.plan) == ["read"] && keys(aws_iam_role_policy_attachment.deploy) == ["data", "functions", "lock", "promote", "read"]
    error_message = "The plan role must get the policy that changes nothing, the deploy role all of them."
  }

  assert {
    condition     = alltrue([for policy in concat(values(aws_iam_policy.this), [aws_iam_policy.functions_boundary]) : length(policy.policy) <= 6144])
    error_message = "A policy must not be longer than IAM takes."
  }

  assert {
    condition     = aws_iam_role.plan.max_session_duration == 3600 && aws_iam_role.deploy.max_session_duration == 3600
    error_message = "Credentials must end after an hour."
  }
}

run "keeps_sessions_for_as_long_as_asked" {
  command = plan
  variables { session_hours = 3 }

  assert {
    condition     = aws_iam_role.plan.max_session_duration == 10800 && aws_iam_role.deploy.max_session_duration == 10800
    error_message = "session_hours must be the longest session of both roles."
  }
}

run "keeps_every_policy_within_the_limit_when_all_is_asked_for" {
  command = plan

  variables {
    project_name            = "a-project-of-20-char"
    environment             = "twelveletter"
    data_can_be_made_again  = true
    functions_need_boundary = true
    lock_table_name         = "a-project-of-20-char-twelveletter-lock"
    ledger_bucket_before    = "a-project-of-20-char-otherletters-state-111111111111"
  }

  assert {
    condition     = alltrue([for policy in concat(values(aws_iam_policy.this), [aws_iam_policy.functions_boundary]) : length(policy.policy) <= 6144])
    error_message = "A policy must not be longer than IAM takes, with the longest names too."
  }
}

# What planning can't do

run "plans_without_writing_anything" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.this["read"].policy).Statement : [
        for action in flatten([statement.Action]) : can(regex("^[a-z0-9-]+:(Describe|Get|List|View)[A-Za-z]*\\*?$", action)) || (action == "kms:Decrypt" && statement.Sid == "SettingsOfFunctions")
      ]
    ]))
    error_message = "Reading must be made of actions that read."
  }

  assert {
    condition = length(setintersection(
      toset(flatten([for statement in jsondecode(aws_iam_policy.this["read"].policy).Statement : statement.Action])),
      toset([
        "dynamodb:*", "dynamodb:BatchGetItem", "dynamodb:Get*", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:Query", "dynamodb:Scan",
        "kinesis:Get*", "kinesis:GetRecords", "logs:FilterLogEvents", "logs:Get*", "logs:GetLogEvents", "s3:*", "s3:Get*", "s3:GetObject*",
        "secretsmanager:*", "secretsmanager:Get*", "secretsmanager:GetSecretValue", "sqs:*", "sqs:ReceiveMessage",
      ]),
    )) == 0
    error_message = "Reading must not be reading of items, records, messages, logs or secrets."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_policy.this["read"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:GetObject")] == [[
      "arn:aws:s3:::stockroom-test-state-222222222222/*", "arn:aws:s3:::stockroom-test-artifacts-222222222222/*",
    ]]
    error_message = "No objects but states and artifacts may be read."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_policy.this["read"].policy).Statement : statement.Condition.StringEquals if contains(flatten([statement.Action]), "kms:Decrypt")] == [{
      "aws:ResourceTag/Environment" = "test"
      "aws:ResourceTag/Project"     = "stockroom"
      "kms:ViaService"              = "lambda.us-east-1.amazonaws.com"
    }]
    error_message = "Keys may decrypt the settings of functions, through Lambda, and nothing else."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.this["read"].policy).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")] == ["WhatKnowsNoResources"]
    error_message = "All resources may stand for actions only that know none."
  }
}

run "locks_with_files_and_in_a_table_where_there_is_one" {
  command = plan

  variables {
    lock_table_name = "terraform-locks"
    plan_locks      = true
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.plan) == ["lock", "read"]
    error_message = "The plan role must be able to lock where that is asked for."
  }

  assert {
    condition = jsondecode(aws_iam_policy.this["lock"].policy).Statement == [
      {
        Sid      = "LockStates"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = "arn:aws:s3:::stockroom-test-state-222222222222/*.tflock"
      },
      {
        Sid      = "LockStatesInTheTable"
        Effect   = "Allow"
        Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = "arn:aws:dynamodb:us-east-1:222222222222:table/terraform-locks"
      },
    ]
    error_message = "Locking must be writing lock files and items of the table, and nothing else."
  }
}

run "reads_the_ledger_of_the_environment_before_and_nothing_else_of_it" {
  command = plan
  variables { ledger_bucket_before = "stockroom-dev-state-111111111111" }

  assert {
    condition = [for statement in jsondecode(aws_iam_policy.this["read"].policy).Statement : statement if strcontains(jsonencode(statement.Resource), "-dev-")] == [
      {
        Sid       = "ListLedgerBefore"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = "arn:aws:s3:::stockroom-dev-state-111111111111"
        Condition = { StringLike = { "s3:prefix" = "promotions/ledger/*" } }
      },
      {
        Sid      = "ReadLedgerBefore"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "arn:aws:s3:::stockroom-dev-state-111111111111/promotions/ledger/*"
      },
    ]
    error_message = "Of the environment before, the ledger must be readable, and no state."
  }
}

# What deploying can and can't do

run "deploys_only_what_carries_the_name_of_the_environment" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in ["data", "functions"] : [
        for statement in jsondecode(aws_iam_policy.this[policy].policy).Statement : [
          for resource in flatten([statement.Resource]) : can(regex("stockroom-test-|stockroom/test", resource)) || contains(keys(try(statement.Condition, {})), "StringEquals") || contains(keys(try(statement.Condition, {})), "ArnLike") || contains(["EncryptStreams", "TagsOfEventSources", "TagsOfTableScaling", "WhatKnowsNoResources"], statement.Sid)
        ]
      ]
    ]))
    error_message = "What is not named must be bound by a condition, or be one of the actions that know no resources."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(aws_iam_policy.this) : [
        for statement in jsondecode(policy.policy).Statement : [for action in flatten([statement.Action]) : !endswith(action, ":*")]
      ]
    ]))
    error_message = "No policy may give a whole service."
  }
}

run "gives_roles_to_functions_only" {
  command = plan

  assert {
    condition = contains(jsondecode(aws_iam_policy.this["functions"].policy).Statement, {
      Sid       = "GiveRolesToFunctions"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "arn:aws:iam::222222222222:role/stockroom-test-*"
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    })
    error_message = "Roles of the environment must be given to Lambda, and to no other service."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(aws_iam_policy.this) : [
        for statement in jsondecode(policy.policy).Statement : [
          for resource in flatten([statement.Resource]) : resource == "arn:aws:iam::222222222222:role/stockroom-test-*" || statement.Sid == "RoleOfTableScaling"
        ] if anytrue([for action in flatten([statement.Action]) : startswith(action, "iam:")])
      ]
    ]))
    error_message = "IAM must be limited to roles of the environment."
  }

  assert {
    condition = length([
      for action in flatten([for policy in values(aws_iam_policy.this) : [for statement in jsondecode(policy.policy).Statement : statement.Action]]) : action
      if startswith(action, "iam:Attach") || startswith(action, "iam:CreatePolicy") || startswith(action, "iam:CreateUser") || startswith(action, "iam:CreateAccessKey") || startswith(action, "iam:PutRolePermissions") || startswith(action, "iam:DeleteRolePermissions") || startswith(action, "sts:")
    ]) == 0
    error_message = "Neither managed policies nor users, keys, boundaries or other roles may be touched."
  }
}

run "makes_roles_without_a_boundary_unless_asked" {
  command = plan

  assert {
    condition = contains(jsondecode(aws_iam_policy.this["functions"].policy).Statement, {
      Sid      = "WriteRoles"
      Effect   = "Allow"
      Action   = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
      Resource = "arn:aws:iam::222222222222:role/stockroom-test-*"
    })
    error_message = "Without a boundary the names of roles must be the limit."
  }
}

run "makes_roles_only_within_the_boundary_where_asked" {
  command = plan
  variables { functions_need_boundary = true }

  assert {
    condition = contains(jsondecode(aws_iam_policy.this["functions"].policy).Statement, {
      Sid       = "WriteRoles"
      Effect    = "Allow"
      Action    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
      Resource  = "arn:aws:iam::222222222222:role/stockroom-test-*"
      Condition = { StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::222222222222:policy/delivery/stockroom-test-functions-boundary" } }
    })
    error_message = "Roles must be made and changed with the boundary only."
  }

  assert {
    condition     = aws_iam_policy.functions_boundary.name == "stockroom-test-functions-boundary"
    error_message = "The boundary that is demanded must be the one that is made."
  }
}

run "limits_functions_to_data_of_the_environment" {
  command = plan

  assert {
    condition = contains(jsondecode(aws_iam_policy.functions_boundary.policy).Statement, {
      Sid    = "NotStatesAndArtifacts"
      Effect = "Deny"
      Action = "s3:*"
      Resource = [
        "arn:aws:s3:::stockroom-test-state-222222222222", "arn:aws:s3:::stockroom-test-state-222222222222/*",
        "arn:aws:s3:::stockroom-test-artifacts-222222222222", "arn:aws:s3:::stockroom-test-artifacts-222222222222/*",
      ]
    })
    error_message = "Functions must not come to states and artifacts."
  }

  assert {
    condition = length([
      for action in flatten([for statement in jsondecode(aws_iam_policy.functions_boundary.policy).Statement : statement.Action if statement.Effect == "Allow"]) : action
      if startswith(action, "iam:") || startswith(action, "sts:") || endswith(action, ":*") || startswith(action, "kms:Create") || startswith(action, "kms:Put") || startswith(action, "lambda:Update")
    ]) == 0
    error_message = "Functions must not change what is deployed, or who may do what."
  }
}

run "keeps_data_where_it_can_not_be_made_again" {
  command = plan

  assert {
    condition = length(setintersection(
      toset(flatten([for policy in values(aws_iam_policy.this) : [for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Effect == "Allow"]])),
      toset(["dynamodb:DeleteTable", "kinesis:DeleteStream", "kms:ScheduleKeyDeletion", "logs:DeleteLogGroup", "s3:DeleteBucket", "s3:DeleteObjectVersion", "secretsmanager:DeleteSecret", "sqs:DeleteQueue"]),
    )) == 0
    error_message = "Nothing that holds data may be deleted by default."
  }
}

run "deletes_data_where_it_can_be_made_again" {
  command = plan
  variables { data_can_be_made_again = true }

  assert {
    condition = length(setintersection(
      toset(flatten([for statement in jsondecode(aws_iam_policy.this["data"].policy).Statement : statement.Action if statement.Effect == "Allow"])),
      toset(["dynamodb:DeleteTable", "kinesis:DeleteStream", "kms:ScheduleKeyDeletion", "logs:DeleteLogGroup", "s3:DeleteBucket", "s3:DeleteObjectVersion", "secretsmanager:DeleteSecret", "sqs:DeleteQueue"]),
    )) == 8
    error_message = "An environment that can be made again must be one that can be taken down."
  }
}

run "never_changes_the_buckets_of_states_and_artifacts" {
  command = plan
  variables { data_can_be_made_again = true }

  assert {
    condition = contains(jsondecode(aws_iam_policy.this["data"].policy).Statement, {
      Sid    = "NotTheBucketsOfStateAndArtifacts"
      Effect = "Deny"
      Action = ["s3:CreateBucket", "s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
      Resource = [
        "arn:aws:s3:::stockroom-test-state-222222222222", "arn:aws:s3:::stockroom-test-state-222222222222/*",
        "arn:aws:s3:::stockroom-test-artifacts-222222222222", "arn:aws:s3:::stockroom-test-artifacts-222222222222/*",
      ]
    })
    error_message = "The buckets of bootstrap must keep their settings and versions, even where data may be deleted."
  }

  assert {
    condition = contains(jsondecode(aws_iam_policy.this["promote"].policy).Statement, {
      Sid      = "KeepStatesArtifactsAndLedger"
      Effect   = "Deny"
      Action   = "s3:DeleteObject"
      Resource = ["arn:aws:s3:::stockroom-test-state-222222222222/promotions/ledger/*", "arn:aws:s3:::stockroom-test-state-222222222222/*.tfstate", "arn:aws:s3:::stockroom-test-artifacts-222222222222/*"]
    })
    error_message = "States, artifacts and the ledger must not be deleted, even where data may be."
  }
}

run "only_adds_to_the_ledger" {
  command = plan

  assert {
    condition = contains(jsondecode(aws_iam_policy.this["promote"].policy).Statement, {
      Sid       = "LedgerIsOnlyAddedTo"
      Effect    = "Deny"
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::stockroom-test-state-222222222222/promotions/ledger/*"
      Condition = { Null = { "s3:if-none-match" = "true" } }
    })
    error_message = "An event of the ledger must not be written over."
  }

  assert {
    condition = contains(jsondecode(aws_iam_policy.this["promote"].policy).Statement, {
      Sid      = "ReleaseLockOfPromotions"
      Effect   = "Allow"
      Action   = "s3:DeleteObject"
      Resource = "arn:aws:s3:::stockroom-test-state-222222222222/promotions/lock.json"
    })
    error_message = "The lock of promotions must be one that can be released."
  }
}

run "keeps_objects_closed_to_whoever_deploys" {
  command = plan

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.this["data"].policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if contains(flatten([statement.Action]), "kms:Decrypt")] == [["dynamodb.us-east-1.amazonaws.com", "kinesis.us-east-1.amazonaws.com", "lambda.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"]]
    error_message = "The key must not open objects in S3."
  }

  assert {
    condition = length(setintersection(
      toset(flatten([for policy in values(aws_iam_policy.this) : [for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Effect == "Allow"]])),
      toset(["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "kinesis:GetRecords", "sqs:ReceiveMessage"]),
    )) == 0
    error_message = "Whoever deploys must not read items, records or messages."
  }
}

# What is refused

run "refuses_a_project_in_upper_case" {
  command         = plan
  expect_failures = [var.project_name]
  variables { project_name = "Stockroom" }
}

run "refuses_a_project_with_a_wildcard" {
  command         = plan
  expect_failures = [var.project_name]
  variables { project_name = "stock*" }
}

run "refuses_an_environment_with_a_hyphen" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "pre-prod" }
}

run "refuses_a_wildcard_for_environments" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "*" }
}

run "refuses_a_repository_without_an_owner" {
  command         = plan
  expect_failures = [var.repository]
  variables { repository = "stockroom" }
}

run "refuses_all_repositories_of_an_owner" {
  command         = plan
  expect_failures = [var.repository]
  variables { repository = "example/*" }
}

run "refuses_a_repository_with_more_of_a_subject" {
  command         = plan
  expect_failures = [var.repository]
  variables { repository = "example/stockroom:environment" }
}

run "refuses_the_id_of_an_owner_without_that_of_the_repository" {
  command         = plan
  expect_failures = [var.repository]
  variables { repository = "example@123456/stockroom" }
}

run "refuses_a_url_for_a_repository" {
  command         = plan
  expect_failures = [var.repository]
  variables { repository = "https://github.com/example/stockroom" }
}

run "refuses_the_provider_of_somebody_else" {
  command         = plan
  expect_failures = [var.oidc_provider_arn]
  variables { oidc_provider_arn = "arn:aws:iam::222222222222:oidc-provider/gitlab.com" }
}

run "refuses_a_provider_by_its_url" {
  command         = plan
  expect_failures = [var.oidc_provider_arn]
  variables { oidc_provider_arn = "https://token.actions.githubusercontent.com" }
}

run "refuses_all_branches" {
  command         = plan
  expect_failures = [var.plan_branches]
  variables { plan_branches = ["*"] }
}

run "refuses_a_branch_with_a_wildcard" {
  command         = plan
  expect_failures = [var.plan_branches]
  variables { plan_branches = ["main", "release/*"] }
}

run "refuses_no_branch_at_all" {
  command         = plan
  expect_failures = [var.plan_branches]
  variables { plan_branches = [] }
}

run "refuses_a_lock_table_by_its_arn" {
  command         = plan
  expect_failures = [var.lock_table_name]
  variables { lock_table_name = "arn:aws:dynamodb:us-east-1:222222222222:table/locks" }
}

run "refuses_all_lock_tables" {
  command         = plan
  expect_failures = [var.lock_table_name]
  variables { lock_table_name = "lock*" }
}

run "refuses_a_bucket_of_a_ledger_by_its_arn" {
  command         = plan
  expect_failures = [var.ledger_bucket_before]
  variables { ledger_bucket_before = "arn:aws:s3:::stockroom-dev-state-111111111111" }
}

run "refuses_a_wildcard_for_the_bucket_of_a_ledger" {
  command         = plan
  expect_failures = [var.ledger_bucket_before]
  variables { ledger_bucket_before = "stockroom-*" }
}

run "refuses_sessions_of_half_an_hour" {
  command         = plan
  expect_failures = [var.session_hours]
  variables { session_hours = 0.5 }
}

run "refuses_sessions_of_thirteen_hours" {
  command         = plan
  expect_failures = [var.session_hours]
  variables { session_hours = 13 }
}
