"""What is deployed: read from the Terraform state and the release record in an environment's state bucket."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stockroom.aws import error_code
from stockroom.environments import Environment
from stockroom.errors import StockroomError
from stockroom.releases.release import Release
from stockroom.stored import Commit, Name, Words, parse, read_object

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Resource:
    """One managed resource of a stack: its Terraform address, its type and what AWS calls it."""

    address: str
    type: str
    id: str


@dataclass(frozen=True)
class DeployedStack:
    """A stack as its state tells: resources, outputs by name, and the release record if its apply was finished."""

    name: str
    resources: list[Resource]
    outputs: dict[str, Any]
    release: dict[str, Any] | None


class _Instance(BaseModel):
    index_key: int | str | None = None
    attributes: dict[str, Any]

    @property
    def id(self) -> str:
        named = self.attributes.get("name") or self.attributes.get("bucket")
        return str(named or self.attributes.get("id", ""))


class _Block(BaseModel):
    module: str | None = None
    mode: str
    type: str
    name: str
    instances: list[_Instance]


class _Output(BaseModel):
    value: Any


class _State(BaseModel):
    """As far as it is read here; format version 4."""

    version: Literal[4]
    resources: list[_Block] = []
    outputs: dict[str, _Output] = {}


class _Outputs(BaseModel):
    """Those of a stack's outputs that become arguments of calls here."""

    model_config = ConfigDict(extra="allow")

    function_names: dict[Name, Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]] = {}
    function_versions: dict[Name, Annotated[str, Field(pattern=r"^([0-9]{1,18}|\$LATEST)$")]] = {}
    secret_arns: dict[Name, Annotated[str, Field(pattern="^arn:[!-~]+$")]] = {}


class _Record(BaseModel):
    """Which release a stack is."""

    digest: Words
    commit: Commit | None
    dirty: bool
    deployed_at: Words


# Keys are from a bucket; as `stored.Name`.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")
FOLDERS = "folders"
"""Before the keys of states of folders that are no stacks of the project."""

_STATE, _RECORD = TypeAdapter(_State), TypeAdapter(_Record)


def parse_state(content: bytes, where: str = "the state") -> tuple[list[Resource], dict[str, Any]]:
    """Resources and outputs of a Terraform state (format version 4), sorted by address.

    Raises StockroomError for anything else.
    """

    def unknown() -> StockroomError:
        return StockroomError(f"{where} is no Terraform state that this version knows", "look at its versions in S3")

    state = parse(_STATE, content, unknown)
    resources = [
        Resource(_address(block, instance), block.type, instance.id)
        for block in state.resources
        if block.mode == "managed"
        for instance in block.instances
    ]
    outputs = {name: output.value for name, output in state.outputs.items()}
    try:
        _Outputs.model_validate(outputs)
    except ValidationError as error:
        name = error.errors()[0]["loc"][0]
        raise StockroomError(f"the output {name} of {where} is not what it should be", "look at who wrote it") from None
    return sorted(resources, key=lambda resource: resource.address), outputs


def _address(block: _Block, instance: _Instance) -> str:
    prefix = f"{block.module}." if block.module else ""
    index = f"[{json.dumps(instance.index_key)}]" if instance.index_key is not None else ""
    return f"{prefix}{block.type}.{block.name}{index}"


def read_deployed(environment: Environment, session: boto3.Session, stack: str) -> DeployedStack | None:
    """What is deployed of the stack, or None when it has no state. Raises StockroomError for what is no state."""
    s3, bucket = session.client("s3"), environment.state_bucket
    state = read_object(s3, bucket, environment.state_key(stack))
    if state is None:
        return None
    resources, outputs = parse_state(state[0], f"s3://{bucket}/{environment.state_key(stack)}")
    record = read_object(s3, bucket, _record_key(stack))

    def unknown() -> StockroomError:
        return StockroomError(f"s3://{bucket}/{_record_key(stack)} tells of no release", "delete it, and deploy again")

    release = parse(_RECORD, record[0], unknown).model_dump() if record else None
    return DeployedStack(stack, resources, outputs, release)


def deployed_names(environment: Environment, session: boto3.Session) -> list[str]:
    """The names of `read_all_deployed`."""
    return [stack.name for stack in read_all_deployed(environment, session)]


def read_all_deployed(environment: Environment, session: boto3.Session) -> list[DeployedStack]:
    """The stacks of which the environment's state bucket holds a state with resources, in the repository or not."""
    from botocore.exceptions import ClientError

    pages = (
        session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=environment.state_bucket, Delimiter="/")
    )
    try:
        folders = [entry["Prefix"].removesuffix("/") for page in pages for entry in page.get("CommonPrefixes", [])]
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
        return []
    found = sorted(name for name in folders if _NAME.fullmatch(name))
    stacks = (read_deployed(environment, session, name) for name in found)
    return [stack for stack in stacks if stack and stack.resources]


def holds_folders(environment: Environment, session: boto3.Session) -> bool:
    """Whether a folder that is no stack of the project was brought up there."""
    found = session.client("s3").list_objects_v2(Bucket=environment.state_bucket, Prefix=f"{FOLDERS}/", MaxKeys=1)
    return bool(found.get("Contents"))


def record_release(environment: Environment, session: boto3.Session, stack: str, release: Release) -> None:
    """Note beside the state which release the stack now is."""
    record = {
        "digest": release.digest,
        "commit": release.commit,
        "dirty": release.dirty,
        "deployed_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    session.client("s3").put_object(
        Bucket=environment.state_bucket,
        Key=_record_key(stack),
        Body=json.dumps(record, sort_keys=True).encode(),
        ContentType="application/json",
    )


def forget_release(environment: Environment, session: boto3.Session, stack: str) -> None:
    """Note that the stack is no release any more: it is being destroyed."""
    session.client("s3").delete_object(Bucket=environment.state_bucket, Key=_record_key(stack))


def release_stale_lock(environment: Environment, session: boto3.Session, stack: str) -> bool:
    """Remove the state lock that a killed Terraform left; only for a caller who knows that no Terraform runs.

    Returns whether there was one.
    """
    key = f"{environment.state_key(stack)}.tflock"
    if read_object(session.client("s3"), environment.state_bucket, key) is None:
        return False
    session.client("s3").delete_object(Bucket=environment.state_bucket, Key=key)
    return True


def _record_key(stack: str) -> str:
    return f"{stack}/release.json"
