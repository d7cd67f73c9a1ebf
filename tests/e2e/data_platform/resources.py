"""What AWS lists under the platform's names: tests that look at all of it meet what is added later as well."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.e2e.data_platform.platform import Platform

ENVIRONMENTS = Path(__file__).parents[3] / "terraform" / "environments"

# What every resource is tagged with; ManagedBy tells who made it.
TAGS = {"Project", "Environment", "Owner", "CostCenter", "ManagedBy", "Module"}


@dataclass
class Resources:
    """The platform's resources, each list as the service has it, without what `invoke bootstrap` makes."""

    platform: Platform

    @cached_property
    def prefix(self) -> str:
        """`<project>-<environment>-`: how every name begins."""
        return str(self.platform.outputs["function_names"]["capture_sales"]).removesuffix("capture-sales")

    @cached_property
    def path(self) -> str:
        """`<project>/<environment>/`: how names begin that have slashes."""
        project, _, environment = self.prefix.removesuffix("-").rpartition("-")
        return f"{project}/{environment}/"

    @cached_property
    def declared(self) -> dict[str, str]:
        """What the environment's files say, as words without quotes."""
        folder = ENVIRONMENTS / self.path.split("/")[1]
        text = "\n".join(path.read_text() for path in sorted(folder.iterdir()))
        return dict(re.findall(r'^(\w+)\s*=\s*"?([^"#\n]*?)"?\s*(?:#.*)?$', text, re.MULTILINE))

    @cached_property
    def disposable(self) -> bool:
        """Whether the environment's data may be deleted at once."""
        return self.declared["data_can_be_made_again"] == "true"

    @cached_property
    def key_arn(self) -> str:
        return str(self.platform.outputs["key_arn"])

    @cached_property
    def account_id(self) -> str:
        return self.key_arn.split(":")[4]

    @cached_property
    def bootstrapped_buckets(self) -> list[str]:
        """The bucket of the Terraform state, and that of the bundles."""
        return [self.declared["bucket"], self.declared["bucket"].replace("-state-", "-artifacts-")]

    @cached_property
    def buckets(self) -> list[str]:
        names = [bucket["Name"] for bucket in self.platform.s3.list_buckets()["Buckets"]]
        return [name for name in names if name.startswith(self.prefix) and name not in self.bootstrapped_buckets]

    @cached_property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Name → description."""
        client = self.platform.client("dynamodb")
        pages = client.get_paginator("list_tables").paginate()
        names = [name for page in pages for name in page["TableNames"] if name.startswith(self.prefix)]
        names = [name for name in names if name != self.declared.get("dynamodb_table")]
        return {name: client.describe_table(TableName=name)["Table"] for name in names}

    @cached_property
    def queues(self) -> dict[str, dict[str, str]]:
        """URL → attributes."""
        pages = self.platform.sqs.get_paginator("list_queues").paginate(QueueNamePrefix=self.prefix)
        return {
            url: self.platform.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            for page in pages
            for url in page.get("QueueUrls", [])
        }

    @cached_property
    def dead_letter_queues(self) -> dict[str, dict[str, str]]:
        """Those of the queues that take what failed elsewhere: URL → attributes."""
        return {url: each for url, each in self.queues.items() if url.removesuffix(".fifo").endswith("-dlq")}

    @cached_property
    def streams(self) -> dict[str, dict[str, Any]]:
        """Name → description of a Kinesis stream."""
        kinesis = self.platform.kinesis
        pages = kinesis.get_paginator("list_streams").paginate()
        names = [name for page in pages for name in page["StreamNames"] if name.startswith(self.prefix)]
        return {name: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"] for name in names}

    @cached_property
    def topics(self) -> dict[str, dict[str, str]]:
        """ARN → attributes."""
        pages = self.platform.sns.get_paginator("list_topics").paginate()
        arns = [topic["TopicArn"] for page in pages for topic in page["Topics"]]
        return {
            arn: self.platform.sns.get_topic_attributes(TopicArn=arn)["Attributes"]
            for arn in arns
            if arn.split(":")[-1].startswith(self.prefix)
        }

    @cached_property
    def secrets(self) -> dict[str, dict[str, Any]]:
        """Name → description."""
        pages = self.platform.secrets.get_paginator("list_secrets").paginate()
        listed = [secret for page in pages for secret in page["SecretList"]]
        return {
            secret["Name"]: self.platform.secrets.describe_secret(SecretId=secret["ARN"])
            for secret in listed
            if secret["Name"].startswith(self.path)
        }

    @cached_property
    def log_groups(self) -> dict[str, dict[str, Any]]:
        """Name → description."""
        pages = self.platform.logs.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix=f"/aws/lambda/{self.prefix}"
        )
        return {group["logGroupName"]: group for page in pages for group in page["logGroups"]}

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Name → configuration."""
        pages = self.platform.functions.get_paginator("list_functions").paginate()
        listed = [function for page in pages for function in page["Functions"]]
        return {each["FunctionName"]: each for each in listed if each["FunctionName"].startswith(self.prefix)}

    @cached_property
    def event_sources(self) -> list[dict[str, Any]]:
        """The event source mappings of the platform's functions."""
        pages = self.platform.functions.get_paginator("list_event_source_mappings").paginate()
        listed = [source for page in pages for source in page["EventSourceMappings"]]
        return [each for each in listed if each["FunctionArn"].split(":")[6].startswith(self.prefix)]

    @cached_property
    def rules(self) -> dict[str, dict[str, Any]]:
        """Name → description of EventBridge's rules."""
        pages = self.platform.events.get_paginator("list_rules").paginate(NamePrefix=self.prefix)
        return {rule["Name"]: rule for page in pages for rule in page["Rules"]}

    @cached_property
    def alarms(self) -> dict[str, dict[str, Any]]:
        """Name → description."""
        pages = self.platform.cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=self.prefix)
        return {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}

    @cached_property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Name without the path → parameter."""
        pages = (
            self.platform.client("ssm")
            .get_paginator("get_parameters_by_path")
            .paginate(Path=f"/{self.path}", Recursive=True)
        )
        listed = [parameter for page in pages for parameter in page["Parameters"]]
        return {each["Name"].removeprefix(f"/{self.path}"): each for each in listed}

    def bucket_policy(self, bucket: str) -> list[dict[str, Any]]:
        """The statements of a bucket's policy."""
        return list(json.loads(self.platform.s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"])


def tags(listed: list[dict[str, str]]) -> dict[str, str]:
    """Tags by key, of the form in which most services answer: [{"Key": …, "Value": …}]."""
    return {tag["Key"]: tag["Value"] for tag in listed}


Tagged = Iterator[tuple[str, dict[str, str]]]


def _buckets(resources: Resources) -> Tagged:
    for name in [*resources.buckets, *resources.bootstrapped_buckets]:
        yield name, tags(resources.platform.s3.get_bucket_tagging(Bucket=name)["TagSet"])


def _tables(resources: Resources) -> Tagged:
    dynamodb = resources.platform.client("dynamodb")
    for name, table in resources.tables.items():
        yield name, tags(dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"])


def _queues(resources: Resources) -> Tagged:
    for url in resources.queues:
        yield url, resources.platform.sqs.list_queue_tags(QueueUrl=url).get("Tags", {})


def _streams(resources: Resources) -> Tagged:
    for name in resources.streams:
        yield name, tags(resources.platform.kinesis.list_tags_for_stream(StreamName=name)["Tags"])


def _topics(resources: Resources) -> Tagged:
    for arn in resources.topics:
        yield arn, tags(resources.platform.sns.list_tags_for_resource(ResourceArn=arn)["Tags"])


def _secrets(resources: Resources) -> Tagged:
    for name, secret in resources.secrets.items():
        yield name, tags(secret.get("Tags", []))


def _log_groups(resources: Resources) -> Tagged:
    for name, group in resources.log_groups.items():
        yield name, resources.platform.logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"]


def _functions(resources: Resources) -> Tagged:
    for name, function in resources.functions.items():
        yield name, resources.platform.functions.list_tags(Resource=function["FunctionArn"])["Tags"]


def _event_sources(resources: Resources) -> Tagged:
    for source in resources.event_sources:
        arn = source["EventSourceMappingArn"]
        yield arn, resources.platform.functions.list_tags(Resource=arn)["Tags"]


def _roles(resources: Resources) -> Tagged:
    for function in resources.functions.values():
        name = function["Role"].rpartition("/")[2]
        yield name, tags(resources.platform.iam.list_role_tags(RoleName=name)["Tags"])


def _rules(resources: Resources) -> Tagged:
    for name, rule in resources.rules.items():
        yield name, tags(resources.platform.events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"])


def _alarms(resources: Resources) -> Tagged:
    for name, alarm in resources.alarms.items():
        yield name, tags(resources.platform.cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])


def _parameters(resources: Resources) -> Tagged:
    ssm = resources.platform.client("ssm")
    for parameter in resources.parameters.values():
        name = parameter["Name"]
        yield name, tags(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"])


def _keys(resources: Resources) -> Tagged:
    listed = resources.platform.client("kms").list_resource_tags(KeyId=resources.key_arn)["Tags"]
    yield resources.key_arn, {tag["TagKey"]: tag["TagValue"] for tag in listed}


def _budgets(resources: Resources) -> Tagged:
    budgets = resources.platform.client("budgets")
    for budget in budgets.describe_budgets(AccountId=resources.account_id).get("Budgets", []):
        if budget["BudgetName"].startswith(resources.prefix):
            arn = f"arn:aws:budgets::{resources.account_id}:budget/{budget['BudgetName']}"
            yield arn, tags(budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"])


# Kind of resource → what yields name and tags of each.
TAGGED: dict[str, Callable[[Resources], Tagged]] = {
    "buckets": _buckets,
    "tables": _tables,
    "queues": _queues,
    "streams": _streams,
    "topics": _topics,
    "secrets": _secrets,
    "log_groups": _log_groups,
    "functions": _functions,
    "event_sources": _event_sources,
    "roles": _roles,
    "rules": _rules,
    "alarms": _alarms,
    "parameters": _parameters,
    "keys": _keys,
    "budgets": _budgets,
}


def demands_tls(statements: list[dict[str, Any]]) -> bool:
    """Whether a policy denies everybody what is asked without TLS."""
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] in ("*", {"AWS": "*"})
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in statements
    )


def strangers(statements: list[dict[str, Any]], account_id: str) -> list[dict[str, Any]]:
    """Statements that let anybody in but the account's own, and services that act for its resources."""
    return [each for each in statements if each["Effect"] == "Allow" and not _of_account(each, account_id)]


def _of_account(statement: dict[str, Any], account_id: str) -> bool:
    principal = statement["Principal"]
    if not isinstance(principal, dict):
        return False
    if "Service" in principal:
        return account_id in json.dumps(statement.get("Condition", {}))
    named = [principal["AWS"]] if isinstance(principal["AWS"], str) else principal["AWS"]
    return all(each == account_id or each.split(":")[4:5] == [account_id] for each in named)


def wrong(found: dict[str, Any], expected: object) -> dict[str, Any]:
    """What is not as expected, by name. Fails when nothing was found: then nothing was looked at."""
    assert found, "there is none"
    return {name: value for name, value in found.items() if value != expected}
