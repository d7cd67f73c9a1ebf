"""Services that no stack uses yet: their state too is what it was, in an emulator that is put back."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from .functions import ROLE, client
from .recipe import Emulator, wait_for

ACCOUNT = "000000000000"
Make = tuple[str, dict[str, Any]]

# By service: what makes something, and what tells about it.
THINGS: dict[str, tuple[Make, Make]] = {
    "acm": (("request_certificate", {"DomainName": "shop.example"}), ("list_certificates", {})),
    "apigateway": (("create_rest_api", {"name": "state"}), ("get_rest_apis", {})),
    "apigatewayv2": (("create_api", {"Name": "state", "ProtocolType": "HTTP"}), ("get_apis", {})),
    "cloudfront": (
        (
            "create_origin_access_control",
            {
                "OriginAccessControlConfig": {
                    "Name": "state",
                    "SigningProtocol": "sigv4",
                    "SigningBehavior": "always",
                    "OriginAccessControlOriginType": "s3",
                }
            },
        ),
        ("list_origin_access_controls", {}),
    ),
    "cloudformation": (
        (
            "create_stack",
            {
                "StackName": "state",
                "TemplateBody": json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {}}}}),
            },
        ),
        ("list_stacks", {}),
    ),
    "cognito-idp": (("create_user_pool", {"PoolName": "state"}), ("list_user_pools", {"MaxResults": 9})),
    "ec2": (("create_vpc", {"CidrBlock": "10.0.0.0/16"}), ("describe_vpcs", {})),
    "ecr": (("create_repository", {"repositoryName": "state"}), ("describe_repositories", {})),
    "ecs": (("create_cluster", {"clusterName": "state"}), ("describe_clusters", {"clusters": ["state"]})),
    "elbv2": (("create_target_group", {"Name": "state", "TargetType": "lambda"}), ("describe_target_groups", {})),
    "glue": (("create_database", {"DatabaseInput": {"Name": "state"}}), ("get_databases", {})),
    "quicksight": (
        ("create_group", {"AwsAccountId": ACCOUNT, "Namespace": "default", "GroupName": "state"}),
        ("list_groups", {"AwsAccountId": ACCOUNT, "Namespace": "default"}),
    ),
    "rds": (
        (
            "create_db_parameter_group",
            {"DBParameterGroupName": "state", "DBParameterGroupFamily": "postgres16", "Description": "state"},
        ),
        ("describe_db_parameter_groups", {}),
    ),
    "route53": (("create_hosted_zone", {"Name": "a.example", "CallerReference": "1"}), ("list_hosted_zones", {})),
    "scheduler": (
        (
            "create_schedule",
            {
                "Name": "state",
                "ScheduleExpression": "rate(1 hour)",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:state", "RoleArn": ROLE},
            },
        ),
        ("list_schedules", {}),
    ),
    "servicediscovery": (("create_http_namespace", {"Name": "state"}), ("list_namespaces", {})),
    "ses": (("verify_email_identity", {"EmailAddress": "owner@shop.example"}), ("list_identities", {})),
    "stepfunctions": (
        (
            "create_state_machine",
            {
                "name": "state",
                "roleArn": ROLE,
                "definition": json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}),
            },
        ),
        ("list_state_machines", {}),
    ),
    "wafv2": (
        ("create_ip_set", {"Name": "s", "Scope": "REGIONAL", "IPAddressVersion": "IPV4", "Addresses": []}),
        ("list_ip_sets", {"Scope": "REGIONAL"}),
    ),
}


def _ask(emulator: Emulator, action: str) -> None:
    request = urllib.request.Request(
        f"{emulator.endpoint}/_stockroom/state/{action}", data=b"", headers={"X-Stockroom": "1"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def _tell(aws: Callable[[str], Any]) -> dict[str, Any]:
    told = {}
    for service, (_, (operation, arguments)) in THINGS.items():
        answer = getattr(aws(service), operation)(**arguments)
        told[service] = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    return told


@pytest.mark.waits
def test_other_services_are_put_back(own_emulator: Emulator) -> None:
    clients = {service: client(service, own_emulator.endpoint) for service in THINGS}
    for service, ((operation, arguments), _) in THINGS.items():
        getattr(clients[service], operation)(**arguments)
    made = clients["cloudformation"].get_waiter("stack_create_complete")
    made.wait(StackName="state", WaiterConfig={"Delay": 1})
    # What changes by itself is to be over: a certificate is issued some seconds after it was requested.
    issued = {"CertificateStatuses": ["ISSUED"]}
    wait_for("the certificate", lambda: clients["acm"].list_certificates(**issued)["CertificateSummaryList"])
    before = _tell(clients.__getitem__)
    assert all(any(value for value in told.values()) for told in before.values())
    _ask(own_emulator, "save")
    clients["cloudformation"].delete_stack(StackName="state")
    clients["ecs"].delete_cluster(cluster="state")
    clients["ec2"].create_vpc(CidrBlock="10.1.0.0/16")
    assert _tell(clients.__getitem__) != before
    _ask(own_emulator, "load")
    assert _tell(clients.__getitem__) == before
