"""All of AWS's services that this plugin changes or adds: a service is added here, nowhere else.

What it has is in a folder of its name below this one, with underscores for hyphens:

provider.py    `create()` gives LocalStack's service with our provider
answers.py     ANSWERS of ours by the name of the operation, where moto lacks something
state.py       HOOKS: what it does when the emulator's state is saved and loaded, beside what is in its stores
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Origin(Enum):
    """Who answers a service's requests."""

    OURS = "a provider of this plugin, made of LocalStack's"
    MOTO = "moto, since LocalStack 4.14 lacks the service"
    LOCALSTACK = "LocalStack's own provider, as it is"


@dataclass(frozen=True)
class AwsService:
    """
    name: as botocore has it.
    has_answers, has_state: whether it has answers.py and state.py.
    boots_process: starting it means waiting for a process to boot, which needs no Python time.
    variables: `module:variable` of LocalStack's or moto's, which hold state beside the stores.
    notifiers: name of the threads in which the service tells others of what a request has done.
    """

    name: str
    origin: Origin
    has_answers: bool = False
    has_state: bool = False
    boots_process: bool = False
    variables: tuple[str, ...] = ()
    notifiers: str = ""

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
    AwsService("cloudwatch", Origin.OURS, has_state=True),
    AwsService("codebuild", Origin.MOTO),
    AwsService("codepipeline", Origin.MOTO),
    AwsService("cognito-idp", Origin.MOTO),
    AwsService(
        "dynamodb",
        Origin.OURS,
        has_state=True,
        boots_process=True,
        variables=("localstack.services.dynamodb.v2.provider:MANAGED_KMS_KEYS",),
    ),
    AwsService("dynamodbstreams", Origin.OURS, has_state=True, boots_process=True),
    AwsService("ec2", Origin.LOCALSTACK, variables=("moto.ec2.models.vpcs:DEFAULT_VPC_ENDPOINT_SERVICES",)),
    AwsService("ecr", Origin.MOTO),
    AwsService("ecs", Origin.MOTO),
    AwsService("elasticache", Origin.MOTO),
    AwsService("elbv2", Origin.MOTO),
    AwsService("events", Origin.OURS, has_state=True, notifiers="events-process-rules"),
    AwsService("firehose", Origin.LOCALSTACK, has_state=True),
    AwsService("glue", Origin.MOTO),
    AwsService("iam", Origin.OURS),
    AwsService("kinesis", Origin.OURS),
    AwsService("lambda", Origin.OURS, has_state=True),
    AwsService("logs", Origin.OURS),
    AwsService("quicksight", Origin.MOTO),
    AwsService("rds", Origin.MOTO),
    AwsService("s3", Origin.OURS, has_state=True, notifiers="s3_ev"),
    AwsService("scheduler", Origin.OURS, has_state=True),
    AwsService(
        "securityhub", Origin.LOCALSTACK, variables=("moto.securityhub.models:SecurityHubBackend._org_configs",)
    ),
    AwsService("servicediscovery", Origin.MOTO),
    AwsService("ses", Origin.LOCALSTACK, variables=("localstack.services.ses.provider:EMAILS",)),
    AwsService("sns", Origin.LOCALSTACK, notifiers="sns_pub"),
    AwsService("sqs", Origin.OURS, has_state=True),
    AwsService("ssm", Origin.LOCALSTACK, has_state=True),
    AwsService("stepfunctions", Origin.OURS, has_state=True),
    AwsService("wafv2", Origin.MOTO),
)

BOOT_PROCESSES = frozenset(service.name for service in SERVICES if service.boots_process)
NOTIFIERS = frozenset(service.notifiers for service in SERVICES if service.notifiers)
