"""What is deployed: read from the Terraform state and the release record in an environment's state bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stockroom.aws import error_code
from stockroom.environments import Environment
from stockroom.releases import Release

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


def parse_state(content: bytes) -> tuple[list[Resource], dict[str, Any]]:
    """Resources and outputs of a Terraform state (format version 4), sorted by address."""
    state = json.loads(content)
    resources = [
        Resource(
            address=_address(block, instance),
            type=block["type"],
            id=str(
                instance["attributes"].get("name")
                or instance["attributes"].get("bucket")
                or instance["attributes"]["id"]
            ),
        )
        for block in state.get("resources", [])
        if block["mode"] == "managed"
        for instance in block["instances"]
    ]
    outputs = {name: output["value"] for name, output in state.get("outputs", {}).items()}
    return sorted(resources, key=lambda resource: resource.address), outputs


def _address(block: dict[str, Any], instance: dict[str, Any]) -> str:
    prefix = f"{block['module']}." if "module" in block else ""
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    return f"{prefix}{block['type']}.{block['name']}{index}"


def read_deployed(environment: Environment, session: boto3.Session, stack: str) -> DeployedStack | None:
    """What is deployed of the stack, or None when it has no state."""
    content = _get(session, environment.state_bucket, environment.state_key(stack))
    if content is None:
        return None
    resources, outputs = parse_state(content)
    record = _get(session, environment.state_bucket, _record_key(stack))
    return DeployedStack(stack, resources, outputs, json.loads(record) if record else None)


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


def release_stale_lock(environment: Environment, session: boto3.Session, stack: str) -> bool:
    """Remove the state lock that a killed Terraform left; only for a caller who knows that no Terraform runs.

    Returns whether there was one.
    """
    key = f"{environment.state_key(stack)}.tflock"
    if _get(session, environment.state_bucket, key) is None:
        return False
    session.client("s3").delete_object(Bucket=environment.state_bucket, Key=key)
    return True


def _record_key(stack: str) -> str:
    return f"{stack}/release.json"


def _get(session: boto3.Session, bucket: str, key: str) -> bytes | None:
    from botocore.exceptions import ClientError

    try:
        return session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error_code(error) in {"NoSuchKey", "NoSuchBucket", "404"}:
            return None
        raise
