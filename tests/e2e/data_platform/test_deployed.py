"""What is deployed is ready to work, encrypted, closed to others and cheap to keep. These tests only look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.resources import TAGGED, TAGS, Resources, demands_tls, strangers, wrong

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = [pytest.mark.smoke, pytest.mark.flow()]

LONG_POLLING_SECONDS = "20"
DEAD_LETTER_SECONDS = str(14 * 24 * 60 * 60)


def statements_of(policy: str) -> list[dict[str, Any]]:
    return list(json.loads(policy)["Statement"])


# Everything: what outputs name is there, tagged and, where it can be, encrypted with the one key


def test_outputs_and_what_is_deployed_are_the_same(platform: Platform, resources: Resources) -> None:
    outputs = platform.outputs
    assert set(outputs["bucket_names"].values()) == set(resources.buckets)
    assert set(outputs["table_names"].values()) == set(resources.tables)
    assert set(outputs["stream_names"].values()) == set(resources.streams)
    assert set(outputs["function_names"].values()) == set(resources.functions)
    assert set(outputs["secret_arns"].values()) == {secret["ARN"] for secret in resources.secrets.values()}
    assert {outputs["alarm_topic_arn"]} == set(resources.topics)
    urls = [*outputs["queue_urls"].values(), *outputs["dead_letter_queue_urls"].values()]
    assert sorted(urls) == sorted(resources.queues)


@pytest.mark.parametrize("kind", TAGGED)
def test_everything_says_whose_it_is_and_who_made_it(resources: Resources, kind: str) -> None:
    found = dict(TAGGED[kind](resources))
    assert wrong({name: TAGS - each.keys() for name, each in found.items()}, set()) == {}
    project, environment, _ = resources.path.split("/")
    expected = (project, environment, resources.declared["owner"], resources.declared["cost_center"])
    names = ("Project", "Environment", "Owner", "CostCenter")
    assert wrong({name: tuple(each[tag] for tag in names) for name, each in found.items()}, expected) == {}


def encryption_by_kind(resources: Resources) -> dict[str, dict[str, object]]:
    """Kind of resource → name → the key that encrypts it."""

    def of_bucket(name: str) -> object:
        (rule,) = resources.platform.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        return rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")

    logged_to = resources.platform.outputs["bucket_names"]["access_logs"]
    return {
        "buckets": {name: of_bucket(name) for name in resources.buckets if name != logged_to},
        "tables": {
            name: table.get("SSEDescription", {}).get("KMSMasterKeyArn") for name, table in resources.tables.items()
        },
        "queues": {url: each.get("KmsMasterKeyId") for url, each in resources.queues.items()},
        "streams": {name: stream.get("KeyId") for name, stream in resources.streams.items()},
        "topics": {arn: each.get("KmsMasterKeyId") for arn, each in resources.topics.items()},
        "secrets": {name: secret.get("KmsKeyId") for name, secret in resources.secrets.items()},
        "log_groups": {name: group.get("kmsKeyId") for name, group in resources.log_groups.items()},
        "functions": {name: function.get("KMSKeyArn") for name, function in resources.functions.items()},
    }


@pytest.mark.parametrize(
    "kind", ["buckets", "tables", "queues", "streams", "topics", "secrets", "log_groups", "functions"]
)
def test_everything_is_encrypted_with_the_platforms_key(resources: Resources, kind: str) -> None:
    assert wrong(encryption_by_kind(resources)[kind], resources.key_arn) == {}


def test_the_key_is_the_accounts_own_and_changes_every_year(resources: Resources) -> None:
    kms = resources.platform.client("kms")
    key = kms.describe_key(KeyId=resources.key_arn)["KeyMetadata"]
    assert (key["KeyState"], key["KeyManager"], key["KeyUsage"]) == ("Enabled", "CUSTOMER", "ENCRYPT_DECRYPT")
    assert kms.get_key_rotation_status(KeyId=resources.key_arn)["KeyRotationEnabled"]
    aliases = kms.list_aliases(KeyId=resources.key_arn)["Aliases"]
    assert [alias["AliasName"] for alias in aliases] == [f"alias/{resources.prefix}data-platform"]
    statements = statements_of(kms.get_key_policy(KeyId=resources.key_arn, PolicyName="default")["Policy"])
    # EventBridge does not tell KMS for whom it calls; which rules may send, the queues' policies say.
    others = [each for each in statements if each["Principal"] != {"Service": "events.amazonaws.com"}]
    assert strangers(others, resources.account_id) == []


# Buckets


def test_objects_are_encrypted_as_their_bucket_says(platform: Platform, resources: Resources) -> None:
    looked_at = {}
    for zone in ("raw", "processed", "curated"):
        bucket = platform.outputs["bucket_names"][zone]
        for entry in platform.s3.list_objects_v2(Bucket=bucket, MaxKeys=3).get("Contents", []):
            head = platform.s3.head_object(Bucket=bucket, Key=entry["Key"])
            looked_at[f"{bucket}/{entry['Key']}"] = (head["ServerSideEncryption"], head.get("SSEKMSKeyId"))
    if looked_at:
        assert wrong(looked_at, ("aws:kms", resources.key_arn)) == {}


def test_no_bucket_is_open_to_the_public(platform: Platform, resources: Resources) -> None:
    blocks = {
        name: platform.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        for name in [*resources.buckets, *resources.bootstrapped_buckets]
    }
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert wrong(blocks, dict.fromkeys(names, True)) == {}


def test_buckets_know_no_owner_but_the_account(platform: Platform, resources: Resources) -> None:
    owners = {
        name: platform.s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
        for name in [*resources.buckets, *resources.bootstrapped_buckets]
    }
    assert wrong(owners, [{"ObjectOwnership": "BucketOwnerEnforced"}]) == {}


def test_buckets_want_tls_and_let_no_stranger_in(resources: Resources) -> None:
    buckets = [*resources.buckets, *resources.bootstrapped_buckets]
    policies = {name: resources.bucket_policy(name) for name in buckets}
    assert wrong({name: demands_tls(policy) for name, policy in policies.items()}, True) == {}
    others = {name: strangers(policy, resources.account_id) for name, policy in policies.items()}
    # The environment that a release goes to next asks the ledger what runs here, and may ask for nothing else.
    for name in (name for name in resources.bootstrapped_buckets if "-state-" in name):
        ledger = f"arn:aws:s3:::{name}"
        readable = {
            ("s3:GetObject", f"{ledger}/promotions/ledger/*", None),
            ("s3:ListBucket", ledger, "promotions/ledger/*"),
        }
        for each in others[name]:
            prefix = each.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
            assert (each["Action"], each["Resource"], prefix) in readable
        others[name] = []
    assert wrong(others, []) == {}
    for name, policy in policies.items():
        refused = [each["Resource"] for each in policy if each["Sid"] == "DenyInsecureTransport"]
        assert refused == [[f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]]


def test_what_is_overwritten_or_deleted_can_be_brought_back(platform: Platform, resources: Resources) -> None:
    versioning = {
        name: platform.s3.get_bucket_versioning(Bucket=name).get("Status")
        for name in [*resources.buckets, *resources.bootstrapped_buckets]
    }
    assert wrong(versioning, "Enabled") == {}


def test_every_zone_logs_who_did_what_with_its_objects(platform: Platform, resources: Resources) -> None:
    zones = dict(platform.outputs["bucket_names"])
    target = zones.pop("access_logs")
    logging = {
        zone: platform.s3.get_bucket_logging(Bucket=name).get("LoggingEnabled", {}) for zone, name in zones.items()
    }
    told = {zone: (each.get("TargetBucket"), each.get("TargetPrefix") == f"{zone}/") for zone, each in logging.items()}
    assert wrong(told, (target, True)) == {}
    allowed = {
        statement["Condition"]["ArnLike"]["aws:SourceArn"]: (statement["Action"], statement["Resource"])
        for statement in resources.bucket_policy(target)
        if statement["Effect"] == "Allow" and statement["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    }
    assert allowed == {
        f"arn:aws:s3:::{name}": ("s3:PutObject", f"arn:aws:s3:::{target}/{zone}/*") for zone, name in zones.items()
    }


def test_the_access_logs_are_encrypted_as_their_delivery_needs_it(platform: Platform) -> None:
    bucket = platform.outputs["bucket_names"]["access_logs"]
    (rule,) = platform.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "LoggingEnabled" not in platform.s3.get_bucket_logging(Bucket=bucket)  # it would never stop


def test_old_objects_get_cheaper_and_leftovers_go_away(platform: Platform, resources: Resources) -> None:
    rules = {name: platform.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] for name in resources.buckets}
    everywhere = {name: {(each["Status"], json.dumps(each["Filter"])) for each in rule} for name, rule in rules.items()}
    assert wrong(everywhere, {("Enabled", '{"Prefix": ""}')}) == {}

    def only(name: str, part: str) -> Any:
        (found,) = [rule[part] for rule in rules[name] if part in rule]
        return found

    names = dict(platform.outputs["bucket_names"])
    logs = names.pop("access_logs")
    for name in [*names.values(), logs]:
        assert only(name, "AbortIncompleteMultipartUpload") == {"DaysAfterInitiation": 7}
        assert only(name, "NoncurrentVersionExpiration")["NoncurrentDays"] == 30
    assert only(logs, "Expiration") == {"Days": 90}
    for zone, name in names.items():
        moves = [(move["Days"], move["StorageClass"]) for move in only(name, "Transitions")]
        raw_only = [(365, "GLACIER_IR")] if zone == "raw" else []
        assert moves == [(30, "INTELLIGENT_TIERING"), *raw_only], zone
        assert only(name, "Expiration") == {"ExpiredObjectDeleteMarker": True}, f"{zone} must keep its data"


def test_new_objects_are_told_to_eventbridge(platform: Platform, resources: Resources) -> None:
    zones = [name for zone, name in platform.outputs["bucket_names"].items() if zone != "access_logs"]
    told = {name: platform.s3.get_bucket_notification_configuration(Bucket=name) for name in zones}
    assert wrong({name: "EventBridgeConfiguration" in each for name, each in told.items()}, True) == {}


def test_each_rule_sends_to_its_queue_and_the_queue_lets_it(platform: Platform, resources: Resources) -> None:
    policies = {each["QueueArn"]: each["Policy"] for each in resources.queues.values()}
    zones = {"raw-objects": ("raw", "sales_events/"), "processed-objects": ("processed", "sales/")}
    assert {name.removeprefix(resources.prefix) for name in resources.rules} == set(zones)
    for name, rule in resources.rules.items():
        zone, prefix = zones[name.removeprefix(resources.prefix)]
        assert rule["State"] == "ENABLED"
        assert json.loads(rule["EventPattern"]) == {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {
                "bucket": {"name": [platform.outputs["bucket_names"][zone]]},
                "object": {"key": [{"prefix": prefix}]},
            },
        }
        (target,) = platform.events.list_targets_by_rule(Rule=name)["Targets"]
        assert target["Arn"].endswith(f":{name}")
        assert target["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}
        senders = [
            each["Condition"]["ArnLike"]["aws:SourceArn"]
            for each in statements_of(policies[target["Arn"]])
            if each["Effect"] == "Allow" and each["Principal"] == {"Service": "events.amazonaws.com"}
        ]
        assert senders == [[rule["Arn"]]]


# Tables


def test_tables_are_active_and_can_be_put_back_to_any_second(resources: Resources) -> None:
    assert wrong({name: table["TableStatus"] for name, table in resources.tables.items()}, "ACTIVE") == {}
    client = resources.platform.client("dynamodb")
    backups = {
        name: client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        for name in resources.tables
    }
    recovery = {
        name: each["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] for name, each in backups.items()
    }
    assert wrong(recovery, "ENABLED") == {}


def test_tables_are_protected_where_their_data_can_not_be_made_again(resources: Resources) -> None:
    protection = {name: table.get("DeletionProtectionEnabled", False) for name, table in resources.tables.items()}
    assert wrong(protection, not resources.disposable) == {}


def test_only_the_ledger_forgets(platform: Platform, resources: Resources) -> None:
    client = platform.client("dynamodb")
    forgets = {}
    for name in resources.tables:
        found = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if found["TimeToLiveStatus"] != "DISABLED":
            forgets[name] = (found["TimeToLiveStatus"], found["AttributeName"])
    assert forgets == {platform.outputs["table_names"]["projected_orders"]: ("ENABLED", "expires_at")}


def test_the_tables_that_functions_follow_have_streams(platform: Platform, resources: Resources) -> None:
    streams = {
        name: table["StreamSpecification"]["StreamViewType"]
        for name, table in resources.tables.items()
        if table.get("StreamSpecification", {}).get("StreamEnabled")
    }
    names = platform.outputs["table_names"]
    assert streams == dict.fromkeys([names["orders"], names["inventory"]], "NEW_AND_OLD_IMAGES")
    followed = {source["EventSourceArn"] for source in resources.event_sources}
    assert {resources.tables[name]["LatestStreamArn"] for name in streams} <= followed


# Streams


def test_streams_are_active_and_keep_what_the_environment_says(resources: Resources) -> None:
    found = {
        name: (each["StreamStatus"], each["EncryptionType"], each["RetentionPeriodHours"])
        for name, each in resources.streams.items()
    }
    assert wrong(found, ("ACTIVE", "KMS", int(resources.declared["sales_events_retention_hours"]))) == {}
    shards = resources.declared["sales_events_shards"]
    mode = "ON_DEMAND" if shards == "null" else "PROVISIONED"
    assert (
        wrong({name: each["StreamModeDetails"]["StreamMode"] for name, each in resources.streams.items()}, mode) == {}
    )
    if mode == "PROVISIONED":
        assert wrong({name: each["OpenShardCount"] for name, each in resources.streams.items()}, int(shards)) == {}


# Queues


def test_queues_want_tls_and_let_no_stranger_in(resources: Resources) -> None:
    policies = {url: statements_of(each.get("Policy", '{"Statement": []}')) for url, each in resources.queues.items()}
    assert wrong({url: demands_tls(policy) for url, policy in policies.items()}, True) == {}
    assert wrong({url: strangers(policy, resources.account_id) for url, policy in policies.items()}, []) == {}


def test_nobody_asks_an_empty_queue_again_and_again(resources: Resources) -> None:
    waits = {url: each["ReceiveMessageWaitTimeSeconds"] for url, each in resources.queues.items()}
    assert wrong(waits, LONG_POLLING_SECONDS) == {}


def test_queues_give_up_to_their_dead_letter_queues(platform: Platform, resources: Resources) -> None:
    dead_letters = platform.outputs["dead_letter_queue_urls"]
    for name, url in platform.outputs["queue_urls"].items():
        policy = json.loads(resources.queues[url]["RedrivePolicy"])
        assert policy["deadLetterTargetArn"] == resources.queues[dead_letters[name]]["QueueArn"], name
        assert 1 < int(policy["maxReceiveCount"]) <= 10, name


def test_dead_letter_queues_take_from_their_own_source_and_keep_longest(resources: Resources) -> None:
    sources: dict[str, str] = {}  # ARN of a dead-letter queue → of the queue that sends there
    for each in resources.queues.values():
        if "RedrivePolicy" in each:
            sources[json.loads(each["RedrivePolicy"])["deadLetterTargetArn"]] = each["QueueArn"]
    allowed = {
        url: json.loads(each.get("RedriveAllowPolicy", "{}")) for url, each in resources.dead_letter_queues.items()
    }
    expected = {
        url: (
            {"redrivePermission": "byQueue", "sourceQueueArns": [sources[each["QueueArn"]]]}
            if each["QueueArn"] in sources
            else {"redrivePermission": "denyAll"}  # Lambda itself sends there
        )
        for url, each in resources.dead_letter_queues.items()
    }
    assert expected
    assert allowed == expected
    keeps = {url: each["MessageRetentionPeriod"] for url, each in resources.dead_letter_queues.items()}
    assert wrong(keeps, DEAD_LETTER_SECONDS) == {}
    shorter = [each for url, each in resources.queues.items() if url not in resources.dead_letter_queues]
    assert all(int(each["MessageRetentionPeriod"]) < int(DEAD_LETTER_SECONDS) for each in shorter)


def test_restock_requests_are_in_order_and_once_each(platform: Platform, resources: Resources) -> None:
    fifo = {url for url, each in resources.queues.items() if each.get("FifoQueue") == "true"}
    urls = [platform.outputs[kind]["restock_requests"] for kind in ("queue_urls", "dead_letter_queue_urls")]
    assert fifo == set(urls)
    queue = resources.queues[urls[0]]
    found = (queue["DeduplicationScope"], queue["FifoThroughputLimit"], queue.get("ContentBasedDeduplication", "false"))
    assert found == ("messageGroup", "perMessageGroupId", "false")


def test_messages_stay_hidden_while_a_function_works_on_them(resources: Resources) -> None:
    queues = {each["QueueArn"]: each for each in resources.queues.values()}
    hidden = {}
    for source in resources.event_sources:
        if queue := queues.get(source["EventSourceArn"]):
            function = resources.functions[source["FunctionArn"].split(":")[6]]
            hidden[source["EventSourceArn"]] = int(queue["VisibilityTimeout"]) >= function["Timeout"]
    assert wrong(hidden, True) == {}


# Logs, secrets and parameters


def test_logs_are_kept_as_long_as_the_environment_says(resources: Resources) -> None:
    assert {f"/aws/lambda/{name}" for name in resources.functions} == set(resources.log_groups)
    kept = {name: group.get("retentionInDays") for name, group in resources.log_groups.items()}
    assert wrong(kept, int(resources.declared["log_retention_days"])) == {}


def values_of_secrets(resources: Resources) -> dict[str, str]:
    return {
        name: str(resources.platform.secrets.get_secret_value(SecretId=secret["ARN"])["SecretString"])
        for name, secret in resources.secrets.items()
    }


def holds_one(text: str, secrets: dict[str, str]) -> bool:
    return any(value in text or json.dumps(value)[1:-1] in text for value in secrets.values())


def test_every_secret_has_a_value_that_nobody_guesses(resources: Resources) -> None:
    lengths = {name: len(value) >= 32 and len(set(value)) > 8 for name, value in values_of_secrets(resources).items()}
    assert wrong(lengths, True) == {}


def test_no_secret_is_in_the_terraform_state_or_beside_it(platform: Platform, resources: Resources) -> None:
    bucket, secrets = resources.declared["bucket"], values_of_secrets(resources)
    state = platform.s3.get_object(Bucket=bucket, Key="data_platform/terraform.tfstate")["Body"].read().decode()
    assert all(name in state for name in secrets), "this is not the state that has the secrets"
    pages = platform.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    texts = {
        key: platform.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(errors="replace") for key in keys
    }
    assert [key for key, text in texts.items() if holds_one(text, secrets)] == []


def test_no_secret_is_in_outputs_parameters_or_settings(platform: Platform, resources: Resources) -> None:
    secrets = values_of_secrets(resources)
    assert not holds_one(json.dumps(platform.outputs), secrets)
    assert not holds_one(json.dumps(resources.parameters, default=str), secrets)
    shown = {
        name: holds_one(json.dumps(function, default=str), secrets) for name, function in resources.functions.items()
    }
    assert wrong(shown, False) == {}


@pytest.mark.parametrize(
    "function",
    ["capture_sales", "process_orders", "curate_sales", "daily_sales", "project_orders", "restock"],
)
def test_no_secret_is_in_the_logs(platform: Platform, resources: Resources, function: str) -> None:
    secrets = values_of_secrets(resources)
    assert secrets
    pages = platform.logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{platform.outputs['function_names'][function]}",
        startTime=int((platform.started.timestamp() - 3600) * 1000),
        PaginationConfig={"MaxItems": 20_000},
    )
    messages = [event["message"] for page in pages for event in page["events"]]
    assert not any(holds_one(message, secrets) for message in messages)


def test_parameters_tell_where_to_send_and_to_read(platform: Platform, resources: Resources) -> None:
    outputs = platform.outputs
    assert {name: parameter["Value"] for name, parameter in resources.parameters.items()} == {
        "data_platform/sales_events_stream": outputs["stream_names"]["sales_events"],
        "data_platform/orders_queue_url": outputs["queue_urls"]["orders"],
        "data_platform/restock_queue_url": outputs["queue_urls"]["restock_requests"],
        "data_platform/processed_bucket": outputs["bucket_names"]["processed"],
        "data_platform/curated_bucket": outputs["bucket_names"]["curated"],
    }


# Topics


def test_topics_want_tls_and_let_no_stranger_in(resources: Resources) -> None:
    policies = {arn: statements_of(each["Policy"]) for arn, each in resources.topics.items()}
    assert wrong({arn: demands_tls(policy) for arn, policy in policies.items()}, True) == {}
    assert wrong({arn: strangers(policy, resources.account_id) for arn, policy in policies.items()}, []) == {}
    services = {
        each["Principal"]["Service"] for policy in policies.values() for each in policy if each["Effect"] == "Allow"
    }
    assert services == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"}
