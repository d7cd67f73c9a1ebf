"""Something of everything in an emulator, and all that its APIs tell about it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from ..functions import ROLE, Functions, client, zip_bytes
from ..recipe import wait_for

ACCOUNT = "000000000000"
REGION = "us-east-1"
OTHER_REGION = "eu-west-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
ECHO = """
import os
import state_layer
def handler(event, context):
    return [event, state_layer.VALUE, os.environ["AB"]]
"""


# Tells a queue which records it gets.
SEEN = """
    import json
    import boto3
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="state-seen")["QueueUrl"]
    def name_of(record):
        if "kinesis" in record:
            return record["kinesis"]["sequenceNumber"]
        return "item " + record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["body"]
    def handler(event, context):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps([name_of(one) for one in event["Records"]]))
"""

# Needs longer than its caller waits.
SLOW = """
    import json, time
    import boto3
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="state-slow-seen")["QueueUrl"]
    def handler(event, context):
        sqs.send_message(QueueUrl=queue, MessageBody="begun")
        time.sleep(8)
        sqs.send_message(QueueUrl=queue, MessageBody="ended")
"""

Facts = dict[str, Any]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


class Account:
    """One account of an emulator, with a client for each service."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.receipt = ""
        self.ciphertext = b""
        self._clients: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str = REGION) -> Any:
        key = service, region
        if key not in self._clients:
            self._clients[key] = client(service, self.endpoint, region)
        return self._clients[key]

    def make(self) -> None:
        for make, _ in SERVICES.values():
            make(self)

    def tell(self) -> dict[str, Facts]:
        """By service. Times and addresses are told as they are, but for the port."""
        told = {service: tell(self) for service, (_, tell) in SERVICES.items()}
        text = json.dumps(_plain(told), default=str, sort_keys=True)
        facts: dict[str, Facts] = json.loads(text.replace(self.endpoint, "http://endpoint"))
        return facts


def _plain(value: Any) -> Any:
    """Without what belongs to one answer only."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


# Each pair makes something and tells all about it.


def make_s3(aws: Account) -> None:
    s3 = aws("s3")
    for bucket in ("state-one", "state-two"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="state-one", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="state-one", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_bucket_policy(
        Bucket="state-one",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
                           "Action": "s3:GetObject", "Resource": "arn:aws:s3:::state-one/x"}]}),
    )  # fmt: skip
    s3.put_bucket_lifecycle_configuration(
        Bucket="state-one",
        LifecycleConfiguration={
            "Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}]
        },
    )
    s3.put_bucket_encryption(
        Bucket="state-one",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_cors(
        Bucket="state-one",
        CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://shop.example"]}]},
    )
    s3.put_public_access_block(Bucket="state-one", PublicAccessBlockConfiguration=dict.fromkeys(_PUBLIC, True))
    s3.put_bucket_notification_configuration(
        Bucket="state-one", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    for number in range(3):
        s3.put_object(Bucket="state-one", Key="versions/ä b.txt", Body=b"x" * number, Metadata={"n": str(number)})
    s3.put_object(Bucket="state-one", Key="large", Body=bytes(range(256)) * 8_000, Tagging="size=large")
    s3.put_object(Bucket="state-two", Key="large", Body=bytes(range(256)) * 8_000, ContentType="text/plain")
    s3.put_object(Bucket="state-one", Key="deleted", Body=b"gone")
    s3.delete_object(Bucket="state-one", Key="deleted")
    upload = s3.create_multipart_upload(Bucket="state-two", Key="parts")["UploadId"]
    s3.upload_part(Bucket="state-two", Key="parts", UploadId=upload, PartNumber=1, Body=b"1" * 5 * 2**20)
    s3.upload_part(Bucket="state-two", Key="parts", UploadId=upload, PartNumber=2, Body=b"2")


_PUBLIC = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def tell_s3(aws: Account) -> Facts:
    s3 = aws("s3")
    facts: Facts = {"buckets": s3.list_buckets()["Buckets"]}
    for bucket in ("state-one", "state-two"):
        listed = s3.list_object_versions(Bucket=bucket)
        uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        facts[bucket] = {
            "versions": listed.get("Versions", []),
            "markers": listed.get("DeleteMarkers", []),
            "objects": [
                _object(s3, Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
                for one in listed.get("Versions", [])
            ],
            "uploads": uploads,
            "parts": [s3.list_parts(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"]) for one in uploads],
        }
    facts["settings"] = {
        name: getattr(s3, f"get_{name}")(Bucket="state-one")
        for name in (
            "bucket_versioning", "bucket_tagging", "bucket_policy", "bucket_lifecycle_configuration",
            "bucket_encryption", "bucket_cors", "public_access_block", "bucket_notification_configuration",
            "bucket_acl", "bucket_location", "bucket_ownership_controls",
        )
    }  # fmt: skip
    return facts


def _object(s3: Any, **which: str) -> Facts:
    answer = s3.get_object(**which)
    body = answer.pop("Body").read()
    return {**answer, "sha256": hashlib.sha256(body).hexdigest(), "tags": s3.get_object_tagging(**which)["TagSet"]}


def make_dynamodb(aws: Account) -> None:
    for region, table in ((REGION, "state-items"), (OTHER_REGION, "state-elsewhere")):
        dynamodb = aws("dynamodb", region)
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "kind")],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[
                {"IndexName": "kinds", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                 "Projection": {"ProjectionType": "ALL"}}
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            SSESpecification={"Enabled": True, "SSEType": "KMS"},
            Tags=[{"Key": "a", "Value": "b"}],
        )  # fmt: skip
        dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        for number in range(30):
            item = {"id": {"S": f"{number}"}, "kind": {"S": f"k{number % 3}"}, "n": {"N": "1.50"}, "b": {"B": b"\0"}}
            dynamodb.put_item(TableName=table, Item=item)
        dynamodb.delete_item(TableName=table, Key={"id": {"S": "3"}})


def tell_dynamodb(aws: Account) -> Facts:
    return {
        region: _table(aws("dynamodb", region), aws("dynamodbstreams", region), table)
        for region, table in ((REGION, "state-items"), (OTHER_REGION, "state-elsewhere"))
    }


def _table(dynamodb: Any, streams: Any, table: str) -> Facts:
    described = dynamodb.describe_table(TableName=table)["Table"]
    stream = streams.describe_stream(StreamArn=described["LatestStreamArn"])["StreamDescription"]
    indexed = {"ExpressionAttributeValues": {":k": {"S": "k1"}}, "KeyConditionExpression": "kind = :k"}
    records = []
    for shard in stream["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator and (answer := streams.get_records(ShardIterator=iterator))["Records"]:
            records += answer["Records"]
            iterator = answer.get("NextShardIterator")
    return {
        "names": dynamodb.list_tables()["TableNames"],
        "table": described,
        "items": dynamodb.scan(TableName=table)["Items"],
        "index": dynamodb.query(TableName=table, IndexName="kinds", **indexed)["Items"],
        "ttl": dynamodb.describe_time_to_live(TableName=table),
        "backups": dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"][
            "PointInTimeRecoveryDescription"
        ]["PointInTimeRecoveryStatus"],
        "tags": dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"],
        "stream": stream,
        "records": records,
    }


def make_kinesis(aws: Account) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="state-events", ShardCount=2, Tags={"a": "b"})
    kinesis.get_waiter("stream_exists").wait(StreamName="state-events", WaiterConfig={"Delay": 1})
    kinesis.increase_stream_retention_period(StreamName="state-events", RetentionPeriodHours=48)
    entries = [{"Data": f"{number}".encode(), "PartitionKey": f"{number}"} for number in range(50)]
    kinesis.put_records(StreamName="state-events", Records=entries)


def tell_kinesis(aws: Account) -> Facts:
    kinesis = aws("kinesis")
    described = kinesis.describe_stream(StreamName="state-events")["StreamDescription"]
    records = []
    for shard in described["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName="state-events", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records.append(kinesis.get_records(ShardIterator=iterator)["Records"])
    return {
        "names": kinesis.list_streams()["StreamNames"],
        "stream": described,
        "records": records,
        "tags": kinesis.list_tags_for_stream(StreamName="state-events")["Tags"],
    }


def make_sqs(aws: Account) -> None:
    sqs = aws("sqs")
    dead = sqs.create_queue(QueueName="state-dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "state-dead"), "maxReceiveCount": 1})
    queue = sqs.create_queue(
        QueueName="state-queue", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "1"}, tags={"a": "b"}
    )["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="dead")
    sqs.receive_message(QueueUrl=queue)
    wait_for("a dead letter", lambda: sqs.receive_message(QueueUrl=queue) and _waiting(sqs, dead))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "600"})
    sqs.send_message(QueueUrl=queue, MessageBody="in flight")
    aws.receipt = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
    for number in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=f"waiting {number}")
    sqs.send_message(QueueUrl=queue, MessageBody="delayed", DelaySeconds=900)
    fifo = sqs.create_queue(QueueName="state.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "600"})
    for group in ("a", "b"):
        for number in range(2):
            sqs.send_message(
                QueueUrl=fifo["QueueUrl"],
                MessageBody=f"{group}{number}",
                MessageGroupId=group,
                MessageDeduplicationId=f"{group}{number}",
            )
    sqs.receive_message(QueueUrl=fifo["QueueUrl"], MaxNumberOfMessages=1)


def _waiting(sqs: Any, queue: str) -> bool:
    answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"]) > 0


def tell_sqs(aws: Account) -> Facts:
    sqs = aws("sqs")
    urls = [sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("state-queue", "state-dead", "state.fifo")]
    return {
        url: {
            "attributes": _together(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]),
            "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags"),
            "sources": sqs.list_dead_letter_source_queues(QueueUrl=url),
        }
        for url in urls
    }


def _together(attributes: Facts) -> Facts:
    """All messages of a queue in one number: what is hidden or delayed shows up in time."""
    counts = {name for name in attributes if name.startswith("ApproximateNumberOfMessages")}
    others = {name: value for name, value in attributes.items() if name not in counts}
    return others | {"messages": sum(int(attributes[name]) for name in counts)}


def make_lambda(aws: Account) -> None:
    lambda_ = aws("lambda")
    layer = lambda_.publish_layer_version(
        LayerName="state-layer", Content={"ZipFile": zip_bytes({"python/state_layer.py": "VALUE = 1"})}
    )["LayerVersionArn"]
    functions = Functions(lambda_)
    lambda_.create_function(
        FunctionName="state-echo", Code={"ZipFile": zip_bytes({"app.py": ECHO})}, Runtime="python3.13",
        Handler="app.handler", Role=ROLE, Layers=[layer], Tags={"a": "b"}, Environment={"Variables": {"AB": "B"}},
        DeadLetterConfig={"TargetArn": arn("sqs", "state-dead")}, KMSKeyArn=arn("kms", "key/x"),
    )  # fmt: skip
    lambda_.get_waiter("function_active_v2").wait(FunctionName="state-echo", WaiterConfig={"Delay": 0.1})
    lambda_.publish_version(FunctionName="state-echo")
    lambda_.get_waiter("published_version_active").wait(
        FunctionName="state-echo", Qualifier="1", WaiterConfig={"Delay": 0.1}
    )
    lambda_.create_alias(FunctionName="state-echo", Name="live", FunctionVersion="1")
    lambda_.put_function_event_invoke_config(FunctionName="state-echo", MaximumRetryAttempts=1)
    lambda_.add_permission(
        FunctionName="state-echo", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    for queue in ("state-seen", "state-source", "state-slow-seen"):
        aws("sqs").create_queue(QueueName=queue)
    aws("sqs").create_queue(QueueName="state-slow", Attributes={"VisibilityTimeout": "12"})
    seen, slow = functions.make(SEEN), functions.make(SLOW)
    lambda_.create_event_source_mapping(FunctionName=slow, EventSourceArn=arn("sqs", "state-slow"))
    stream = aws("dynamodb").describe_table(TableName="state-items")["Table"]["LatestStreamArn"]
    for which, options in (
        (arn("kinesis", "stream/state-events"), {"StartingPosition": "TRIM_HORIZON"}),
        (stream, {"StartingPosition": "TRIM_HORIZON"}),
        (arn("sqs", "state-source"), {}),
    ):
        lambda_.create_event_source_mapping(FunctionName=seen, EventSourceArn=which, **options)
    disabled = lambda_.create_event_source_mapping(
        FunctionName=seen, EventSourceArn=arn("sqs", "state-dead"), Enabled=False
    )["UUID"]
    wait_for("it to be disabled", lambda: lambda_.get_event_source_mapping(UUID=disabled)["State"] == "Disabled")


def tell_lambda(aws: Account) -> Facts:
    lambda_ = aws("lambda")
    facts: Facts = {
        "layers": lambda_.list_layers()["Layers"],
        "mappings": lambda_.list_event_source_mappings()["EventSourceMappings"],
    }
    for function in lambda_.list_functions()["Functions"]:
        name = function["FunctionName"]
        facts[name] = {
            "versions": lambda_.list_versions_by_function(FunctionName=name)["Versions"],
            "aliases": lambda_.list_aliases(FunctionName=name)["Aliases"],
            "tags": lambda_.list_tags(Resource=function["FunctionArn"])["Tags"],
            "invoked": lambda_.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"],
        }
    facts["policy"] = lambda_.get_policy(FunctionName="state-echo")["Policy"]
    return facts


def make_events(aws: Account) -> None:
    events = aws("events")
    events.put_rule(
        Name="state-created",
        EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"object": {"key": [{"prefix": "events/"}]}}}),
        Tags=[{"Key": "a", "Value": "b"}],
    )
    aws("sqs").create_queue(QueueName="state-created")
    target = {"Id": "queue", "Arn": arn("sqs", "state-created"), "InputPath": "$.detail.object.key"}
    events.put_targets(Rule="state-created", Targets=[target])
    events.put_rule(Name="state-daily", ScheduleExpression="rate(1 day)")
    events.put_targets(Rule="state-daily", Targets=[{"Id": "f", "Arn": arn("lambda", "function:state-echo")}])
    events.create_event_bus(Name="state-bus")
    events.create_archive(ArchiveName="state-archive", EventSourceArn=arn("events", "event-bus/state-bus"))


def tell_events(aws: Account) -> Facts:
    events = aws("events")
    return {
        "buses": events.list_event_buses()["EventBuses"],
        "archives": events.list_archives()["Archives"],
        "tags": events.list_tags_for_resource(ResourceARN=arn("events", "rule/state-created"))["Tags"],
        "rules": {
            rule["Name"]: [rule, events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
            for rule in events.list_rules()["Rules"]
        },
    }


def make_cloudwatch(aws: Account) -> None:
    cloudwatch = aws("cloudwatch")
    for name, statistic in (("state-sum", {"Statistic": "Sum"}), ("state-p90", {"ExtendedStatistic": "p90"})):
        cloudwatch.put_metric_alarm(
            AlarmName=name, MetricName="m", Namespace="State", Period=86_400, EvaluationPeriods=1, Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold", Tags=[{"Key": "a", "Value": "b"}], **statistic,
        )  # fmt: skip
    cloudwatch.put_dashboard(DashboardName="state", DashboardBody=json.dumps({"widgets": []}))
    cloudwatch.put_metric_data(Namespace="State", MetricData=[{"MetricName": "m", "Value": 0.5, "Unit": "Count"}])


def tell_cloudwatch(aws: Account) -> Facts:
    cloudwatch = aws("cloudwatch")
    now = time.time()
    return {
        "alarms": [
            {key: value for key, value in alarm.items() if not key.startswith("State")}
            for alarm in cloudwatch.describe_alarms()["MetricAlarms"]
        ],
        "tags": cloudwatch.list_tags_for_resource(ResourceARN=arn("cloudwatch", "alarm:state-sum"))["Tags"],
        "dashboard": cloudwatch.get_dashboard(DashboardName="state")["DashboardBody"],
        "sum": sum(
            point["Sum"]
            for point in cloudwatch.get_metric_statistics(
                Namespace="State", MetricName="m", Period=60, Statistics=["Sum"],
                StartTime=now - 3_600, EndTime=now + 60,
            )["Datapoints"]
        ),
    }  # fmt: skip


def make_logs(aws: Account) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="/state", tags={"a": "b"})
    logs.put_retention_policy(logGroupName="/state", retentionInDays=7)
    logs.create_log_stream(logGroupName="/state", logStreamName="s")
    events = [{"timestamp": int(time.time() * 1000), "message": "ä line"}]
    logs.put_log_events(logGroupName="/state", logStreamName="s", logEvents=events)


def tell_logs(aws: Account) -> Facts:
    logs = aws("logs")
    return {
        "group": logs.describe_log_groups(logGroupNamePrefix="/state")["logGroups"],
        "tags": logs.list_tags_log_group(logGroupName="/state")["tags"],
        "events": logs.get_log_events(logGroupName="/state", logStreamName="s")["events"],
    }


def make_iam(aws: Account) -> None:
    iam = aws("iam")
    iam.create_role(RoleName="state", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])
    iam.put_role_policy(RoleName="state", PolicyName="inline", PolicyDocument=POLICY)
    policy = iam.create_policy(PolicyName="state", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="state", PolicyArn=policy)
    iam.create_user(UserName="state")
    iam.create_access_key(UserName="state")


def tell_iam(aws: Account) -> Facts:
    iam = aws("iam")
    return {
        "role": iam.get_role(RoleName="state")["Role"],
        "inline": iam.get_role_policy(RoleName="state", PolicyName="inline"),
        "attached": iam.list_attached_role_policies(RoleName="state")["AttachedPolicies"],
        "policies": iam.list_policies(Scope="Local")["Policies"],
        "users": iam.list_users()["Users"],
        "keys": iam.list_access_keys(UserName="state")["AccessKeyMetadata"],
    }


def make_kms(aws: Account) -> None:
    kms = aws("kms")
    key = kms.create_key(Description="state", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key)
    kms.create_alias(AliasName="alias/state", TargetKeyId=key)
    aws.ciphertext = kms.encrypt(KeyId=key, Plaintext=b"plain")["CiphertextBlob"]
    for usage, spec in (
        ("SIGN_VERIFY", "RSA_2048"),
        ("SIGN_VERIFY", "ECC_NIST_P256"),
        ("GENERATE_VERIFY_MAC", "HMAC_256"),
    ):
        kms.create_key(KeyUsage=usage, KeySpec=spec)


def tell_kms(aws: Account) -> Facts:
    kms = aws("kms")
    keys = [one["KeyId"] for one in kms.list_keys()["Keys"]]
    key = kms.describe_key(KeyId="alias/state")["KeyMetadata"]["KeyId"]
    described = [kms.describe_key(KeyId=one)["KeyMetadata"] for one in keys]
    return {
        "keys": described,
        "public": [
            kms.get_public_key(KeyId=one["KeyId"])["PublicKey"] for one in described if one["KeyUsage"] == "SIGN_VERIFY"
        ],
        "aliases": kms.list_aliases()["Aliases"],
        "rotation": kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
        "tags": kms.list_resource_tags(KeyId=key)["Tags"],
        "policy": kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
    }


def make_secretsmanager(aws: Account) -> None:
    secrets = aws("secretsmanager")
    secrets.create_secret(Name="state", SecretString="first", KmsKeyId="alias/state", Tags=[{"Key": "a", "Value": "b"}])
    secrets.put_secret_value(SecretId="state", SecretString="second")


def tell_secretsmanager(aws: Account) -> Facts:
    secrets = aws("secretsmanager")
    return {
        "value": secrets.get_secret_value(SecretId="state"),
        "previous": secrets.get_secret_value(SecretId="state", VersionStage="AWSPREVIOUS"),
        "secret": {
            key: value for key, value in secrets.describe_secret(SecretId="state").items() if key != "LastAccessedDate"
        },
    }


def make_ssm(aws: Account) -> None:
    ssm = aws("ssm")
    ssm.put_parameter(Name="/state/a", Value="1", Type="String", Tags=[{"Key": "a", "Value": "b"}])
    ssm.put_parameter(Name="/state/a", Value="2", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/state/secret", Value="3", Type="SecureString")


def tell_ssm(aws: Account) -> Facts:
    ssm = aws("ssm")
    return {
        "parameters": ssm.get_parameters_by_path(Path="/state", WithDecryption=True)["Parameters"],
        "history": ssm.get_parameter_history(Name="/state/a")["Parameters"],
        "tags": ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/state/a")["TagList"],
    }


def make_sns(aws: Account) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="state", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    aws("sqs").create_queue(QueueName="state-subscribed")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "state-subscribed"))
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="owner@shop.example")


def tell_sns(aws: Account) -> Facts:
    sns = aws("sns")
    topic = arn("sns", "state")
    return {
        "topic": sns.get_topic_attributes(TopicArn=topic)["Attributes"],
        "subscriptions": sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"],
        "tags": sns.list_tags_for_resource(ResourceArn=topic)["Tags"],
    }


def make_budgets(aws: Account) -> None:
    aws("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": "state", "BudgetType": "COST", "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "10", "Unit": "USD"},
        },
        NotificationsWithSubscribers=[
            {
                "Notification": {
                    "NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0,
                },
                "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "owner@shop.example"}],
            }
        ],
        ResourceTags=[{"Key": "a", "Value": "b"}],
    )  # fmt: skip


def tell_budgets(aws: Account) -> Facts:
    budgets, which = aws("budgets"), {"AccountId": ACCOUNT, "BudgetName": "state"}
    notifications = budgets.describe_notifications_for_budget(**which)["Notifications"]
    return {
        "budget": budgets.describe_budget(**which)["Budget"],
        "notifications": notifications,
        "subscribers": [
            budgets.describe_subscribers_for_notification(**which, Notification=one)["Subscribers"]
            for one in notifications
        ],
        "tags": budgets.list_tags_for_resource(ResourceARN=f"arn:aws:budgets::{ACCOUNT}:budget/state")["ResourceTags"],
    }


def make_ce(aws: Account) -> None:
    monitor = aws("ce").create_anomaly_monitor(
        AnomalyMonitor={"MonitorName": "state", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"},
        ResourceTags=[{"Key": "a", "Value": "b"}],
    )["MonitorArn"]
    aws("ce").create_anomaly_subscription(
        AnomalySubscription={
            "SubscriptionName": "state", "MonitorArnList": [monitor], "Frequency": "DAILY", "Threshold": 5.0,
            "Subscribers": [{"Type": "EMAIL", "Address": "owner@shop.example"}],
        }
    )  # fmt: skip


def tell_ce(aws: Account) -> Facts:
    ce = aws("ce")
    monitors = ce.get_anomaly_monitors()["AnomalyMonitors"]
    return {
        "monitors": monitors,
        "subscriptions": ce.get_anomaly_subscriptions()["AnomalySubscriptions"],
        "tags": [ce.list_tags_for_resource(ResourceArn=one["MonitorArn"])["ResourceTags"] for one in monitors],
    }


def make_autoscaling(aws: Account) -> None:
    target = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/state-items",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    scaling = aws("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=5, Tags={"a": "b"})
    scaling.put_scaling_policy(
        **target, PolicyName="state", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
        },
    )  # fmt: skip


def tell_autoscaling(aws: Account) -> Facts:
    scaling = aws("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    return {
        "targets": targets,
        "policies": scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"],
        "tags": [scaling.list_tags_for_resource(ResourceARN=one["ScalableTargetARN"])["Tags"] for one in targets],
    }


SERVICES: dict[str, tuple[Callable[[Account], None], Callable[[Account], Facts]]] = {
    "s3": (make_s3, tell_s3),
    "dynamodb": (make_dynamodb, tell_dynamodb),
    "kinesis": (make_kinesis, tell_kinesis),
    "sqs": (make_sqs, tell_sqs),
    "kms": (make_kms, tell_kms),
    "iam": (make_iam, tell_iam),
    "lambda": (make_lambda, tell_lambda),
    "events": (make_events, tell_events),
    "cloudwatch": (make_cloudwatch, tell_cloudwatch),
    "logs": (make_logs, tell_logs),
    "secretsmanager": (make_secretsmanager, tell_secretsmanager),
    "ssm": (make_ssm, tell_ssm),
    "sns": (make_sns, tell_sns),
    "budgets": (make_budgets, tell_budgets),
    "ce": (make_ce, tell_ce),
    "application-autoscaling": (make_autoscaling, tell_autoscaling),
}
