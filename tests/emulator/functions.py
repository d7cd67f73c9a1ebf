"""AWS clients for the tests, and Lambda functions that live as long as one test."""

from __future__ import annotations

import base64
import io
import json
import textwrap
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::000000000000:role/emulator-tests"


def client(service: str, endpoint: str, region: str = "us-east-1", account: str = "test") -> Any:
    session: Any = boto3.Session()  # boto3's types want a literal name
    return session.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )


def make_table(dynamodb: Any, name: str, **options: Any) -> dict[str, Any]:
    """Description of a new table with the hash key `id`, a string. `options` are CreateTable's."""
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **options,
    )
    return dict(made["TableDescription"])


@dataclass(frozen=True)
class Result:
    """An invocation's outcome. error: FunctionError, None when the function returned. tail: the LogResult, as text."""

    payload: Any
    error: str | None
    tail: str
    request_id: str


class Functions:
    """Makes Lambda functions for one test and removes them after it."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self._made: list[str] = []

    def make(self, source: str, *, files: Mapping[str, str] | None = None, **options: Any) -> str:
        """Name of an active function whose handler is app.handler in `source`, which may be indented."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        configuration = {"Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE, "Timeout": 10}
        self.service.create_function(
            FunctionName=name,
            Code={"ZipFile": zip_bytes({"app.py": textwrap.dedent(source), **(files or {})})},
            **(configuration | options),
        )
        self._made.append(name)
        self.service.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
        return name

    def invoke(self, name: str, event: Any = None, **options: Any) -> Result:
        answer = self.service.invoke(
            FunctionName=name, Payload=json.dumps(event, ensure_ascii=False).encode(), LogType="Tail", **options
        )
        return Result(
            payload=json.loads(answer["Payload"].read() or b"null"),
            error=answer.get("FunctionError"),
            tail=base64.b64decode(answer["LogResult"]).decode(errors="replace"),
            request_id=answer["ResponseMetadata"]["RequestId"],
        )

    def run(self, source: str, event: Any = None, **options: Any) -> Result:
        """Makes a function and invokes it once."""
        return self.invoke(self.make(source, **options), event)

    def remove_all(self) -> None:
        for name in self._made:
            self.service.delete_function(FunctionName=name)


def zip_bytes(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return packed.getvalue()
