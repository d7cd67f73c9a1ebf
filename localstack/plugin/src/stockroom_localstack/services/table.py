"""All of AWS's services that this plugin changes or adds: a service is added here, nowhere else.

What it has is in a folder of its name below this one, with underscores for hyphens:

provider.py    `create()` gives LocalStack's service with our provider
answers.py     ANSWERS of ours by the name of the operation, where moto lacks something
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Origin(Enum):
    """Who answers a service's requests."""

    OURS = "a provider of this plugin, made of LocalStack's"
    MOTO = "moto, since LocalStack 4.14 lacks the service"


@dataclass(frozen=True)
class AwsService:
    """
    name: as botocore has it.
    has_answers: answers.py has what moto lacks.
    boots_process: starting it means waiting for a process to boot, which needs no Python time.
    """

    name: str
    origin: Origin
    has_answers: bool = False
    boots_process: bool = False

    @property
    def package(self) -> str:
        """The full name of its folder's package."""
        return f"{__package__}.{'lambda_' if self.name == 'lambda' else self.name.replace('-', '_')}"


SERVICES = (
    AwsService("apigatewayv2", Origin.MOTO),
    AwsService("application-autoscaling", Origin.MOTO, has_answers=True),
    AwsService("athena", Origin.MOTO),
    AwsService("autoscaling", Origin.MOTO),
    AwsService("budgets", Origin.MOTO, has_answers=True),
    AwsService("ce", Origin.MOTO, has_answers=True),
    AwsService("cloudfront", Origin.MOTO),
    AwsService("cloudtrail", Origin.MOTO),
    AwsService("cloudwatch", Origin.OURS),
    AwsService("codebuild", Origin.MOTO),
    AwsService("codepipeline", Origin.MOTO),
    AwsService("cognito-idp", Origin.MOTO),
    AwsService("dynamodb", Origin.OURS, boots_process=True),
    AwsService("dynamodbstreams", Origin.OURS, boots_process=True),
    AwsService("ecr", Origin.MOTO),
    AwsService("ecs", Origin.MOTO),
    AwsService("elasticache", Origin.MOTO),
    AwsService("elbv2", Origin.MOTO),
    AwsService("events", Origin.OURS),
    AwsService("glue", Origin.MOTO),
    AwsService("iam", Origin.OURS),
    AwsService("kinesis", Origin.OURS),
    AwsService("lambda", Origin.OURS),
    AwsService("logs", Origin.OURS),
    AwsService("quicksight", Origin.MOTO),
    AwsService("rds", Origin.MOTO),
    AwsService("s3", Origin.OURS),
    AwsService("scheduler", Origin.OURS),
    AwsService("servicediscovery", Origin.MOTO),
    AwsService("sqs", Origin.OURS),
    AwsService("stepfunctions", Origin.OURS),
    AwsService("wafv2", Origin.MOTO),
)

BOOT_PROCESSES = frozenset(service.name for service in SERVICES if service.boots_process)
