"""What DynamoDB Local needs to be run as we run it, made once per installation:

- its jar with one class changed, and without the list of other files to search, since Java makes no cache of folders;
- a cache of what Java reads, checks and links of the jar and its libraries, which is more than half of its start. It is
  made by running it once and asking for what the first requests of a platform ask for.
"""

from __future__ import annotations

import socket
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3

from stockroom_localstack.settings import Settings

from . import command
from .command import LOOPBACK, JavaFiles

# Reads the records of a stream, and cuts their times to minutes: TimeUnit.MILLISECONDS.toMinutes(time) * 60L * 1000L.
# AWS tells the second, and so does this with toSeconds and 1L. The class has no other use of either.
STREAM_READER = "software/amazon/dynamodb/services/local/shared/access/sqlite/SQLiteDBAccess$15.class"
LONG = b"\x05"  # the tag of a long in a class file's constants
CHANGES = [(b"toMinutes", b"toSeconds"), (LONG + (60).to_bytes(8), LONG + (1).to_bytes(8))]
MANIFEST = "META-INF/MANIFEST.MF"

START_SECONDS = 60
WRITE_SECONDS = 120


def install(settings: Settings) -> None:
    """Raises ValueError for another DynamoDB Local than the one that is locked."""
    files = command.java_files(settings)
    files.jar.parent.mkdir(exist_ok=True)
    write_jar(command.npm_jar(settings.node_modules), files.jar)
    write_cache(settings, files)


def write_jar(source: Path, target: Path) -> None:
    """Copy DynamoDB Local's jar with one class changed. Raises ValueError."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            if entry.filename != MANIFEST:
                code = old.read(entry)
                new.writestr(entry, changed(code) if entry.filename == STREAM_READER else code)


def changed(code: bytes) -> bytes:
    """The changed code of the class. Raises ValueError where what is to be changed is not there exactly once."""
    for old, new in CHANGES:
        if code.count(old) != 1:
            raise ValueError(f"{STREAM_READER} of DynamoDB Local has not one but {code.count(old)} times {old!r}")
        code = code.replace(old, new)
    return code


def write_cache(settings: Settings, files: JavaFiles) -> None:
    """Without one, DynamoDB Local only starts more slowly: so it does where Java can't make one."""
    if not str(files.cache).isascii():  # JPype then has Java load classes in a way for which there is no cache
        return
    with tempfile.TemporaryDirectory() as temporary:
        address = command.free_address()
        process = command.start_dynamodb_local(settings, address, Path(temporary), makes_cache=True)
        try:
            wait_for_port(address.port)
            use(address.url)
            saved = Path(temporary) / "saved"
            saved.mkdir()
            assert process.stdin
            process.stdin.write(f"1 save {saved}\n2 load {saved}\n3 end\n".encode())
            process.stdin.close()
            process.stdout.read()
            process.wait(WRITE_SECONDS)
        finally:
            process.kill()


def wait_for_port(port: int) -> None:
    """Wait until something listens on the port. Raises OSError after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((LOOPBACK, port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def use(endpoint: str) -> None:
    """What a platform asks for."""
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    dynamodb: Any = boto3.client("dynamodb", endpoint_url=endpoint, **access)
    streams: Any = boto3.client("dynamodbstreams", endpoint_url=endpoint, **access)
    name, key = "orders", {"id": {"S": "1"}}
    stream = dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("id", "day")],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_day",
                "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    dynamodb.put_item(TableName=name, Item={**key, "day": {"S": "1"}, "parts": {"L": [{"M": {"n": {"N": "1"}}}]}})
    update = {
        "UpdateExpression": "SET #n = if_not_exists(#n, :zero) + :one",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}},
    }
    dynamodb.update_item(TableName=name, Key=key, ConditionExpression="attribute_not_exists(#n)", **update)
    other = {"Put": {"TableName": name, "Item": {"id": {"S": "2"}}, "ConditionExpression": "attribute_not_exists(id)"}}
    dynamodb.transact_write_items(TransactItems=[{"Update": {"TableName": name, "Key": key, **update}}, other])
    dynamodb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": {"id": {"S": "3"}}}}]})
    dynamodb.get_item(TableName=name, Key=key)
    dynamodb.scan(TableName=name)
    dynamodb.query(
        TableName=name,
        IndexName="by_day",
        KeyConditionExpression="#d = :d",
        ExpressionAttributeNames={"#d": "day"},
        ExpressionAttributeValues={":d": {"S": "1"}},
    )
    dynamodb.describe_table(TableName=name)
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    streams.get_records(ShardIterator=iterator["ShardIterator"])
