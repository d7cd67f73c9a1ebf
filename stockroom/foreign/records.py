"""What is known of foreign folders, beside their states in the platform's bucket: it is born and dies with that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, TypeAdapter

from stockroom.deployed.terraform_state import FOLDERS
from stockroom.environments import Environment
from stockroom.errors import StockroomError
from stockroom.foreign.request import WORKSPACES, Request
from stockroom.stored import Words, parse, read_object

if TYPE_CHECKING:
    import boto3


class _Folder(BaseModel):
    """`state` is the one that the folder's own backend names, as remote_states.own_state tells it."""

    path: Words
    identity: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
    state: Words | None = None


class _State(BaseModel):
    resources: list[object] = []


_FOLDER, _STATE = TypeAdapter(_Folder), TypeAdapter(_State)


def _no_record(where: str) -> StockroomError:
    return StockroomError(f"{where} is not what `invoke up` wrote", "delete it, and bring the folder up again")


@dataclass(frozen=True)
class Records:
    """The records of a platform's bucket."""

    environment: Environment
    session: boto3.Session

    def write(self, request: Request, state: str | None) -> None:
        """Note that a folder is brought up, so that others can read its state by the name that it has elsewhere."""
        record = {"path": str(request.path), "identity": request.identity, "state": state}
        self.session.client("s3").put_object(
            Bucket=self.environment.state_bucket,
            Key=f"{request.state_name}/folder.json",
            Body=json.dumps(record, sort_keys=True).encode(),
            ContentType="application/json",
        )

    def keys_by_state(self) -> dict[str, str]:
        """The key of each folder's state here, by the name of the state that it has elsewhere."""
        s3, bucket = self.session.client("s3"), self.environment.state_bucket
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{FOLDERS}/")
        names = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        found: dict[str, str] = {}
        for name in names:
            if name.endswith("/folder.json") and (content := read_object(s3, bucket, name)):
                record = parse(_FOLDER, content[0], partial(_no_record, f"s3://{bucket}/{name}"))
                if record.state:
                    found[record.state] = self.environment.state_key(f"{FOLDERS}/{record.identity}")
        return found

    def has_resources(self, request: Request) -> bool:
        """Whether the state of the request's workspace holds anything."""
        key = self.environment.state_key(request.state_of_workspace)
        content = read_object(self.session.client("s3"), self.environment.state_bucket, key)
        where = f"s3://{self.environment.state_bucket}/{key}"
        return bool(content and parse(_STATE, content[0], partial(_no_record, where)).resources)

    def remove(self, request: Request) -> None:
        """Forget the state of the request's workspace, and the folder when that was its last one."""
        s3, bucket = self.session.client("s3"), self.environment.state_bucket
        s3.delete_object(Bucket=bucket, Key=self.environment.state_key(request.state_of_workspace))
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{WORKSPACES}/")
        others = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        own = self.environment.state_key(request.state_name)
        if not any(key.endswith(f"/{own}") for key in others) and read_object(s3, bucket, own) is None:
            s3.delete_object(Bucket=bucket, Key=f"{request.state_name}/folder.json")
