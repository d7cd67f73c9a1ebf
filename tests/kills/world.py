"""A platform that is as small as one can be and still be saved, loaded and found to be whole: an emulator with a stack
of one bucket, whose one object says which state this is."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from stockroom.aws import session_for
from stockroom.console import Steps
from stockroom.deployed.terraform_state import record_release
from stockroom.engines import host_process, localstack
from stockroom.engines.localstack import LocalStackEngine
from stockroom.environments import LOCAL, read_environment
from stockroom.releases.release import Release
from stockroom.settings import Settings
from stockroom.snapshots.archive import Header
from stockroom.snapshots.platform import PlatformSnapshots, open_snapshots, unfinished
from stockroom.snapshots.record import write_record

STACK, RELEASE, BUCKET = "small", "release", "marks"
BALLAST_BYTES = 8_000_000

# Each start would wait for DynamoDB Local, in every round.
SERVICES = ["s3", "sts"]


@dataclass(frozen=True)
class World:
    """The platform in `folder`, on `port`; its snapshots lie beside it."""

    folder: Path
    port: int

    @cached_property
    def settings(self) -> Settings:
        vars(localstack)["early_services"] = lambda *_: SERVICES
        # The disk is to be full in the midst of things, and not only found to be too small for them.
        host_process.NEEDED_MB = 1
        return Settings(
            run_dir=self.folder / "run", snapshots_dir=self.folder / "snapshots", port=self.port, start_timeout=300
        )

    @cached_property
    def engine(self) -> LocalStackEngine:
        return LocalStackEngine(self.settings)

    def snapshots(self) -> PlatformSnapshots:
        return open_snapshots(self.settings, self.engine, Steps(quiet=True))

    @property
    def wanted(self) -> Header:
        header = unfinished(self.settings)
        return replace(header, parts=replace(header.parts, stacks=(STACK,), release=RELEASE, seeds={}))

    def client(self) -> Any:
        return session_for(read_environment(LOCAL), self.settings.local_endpoint).client("s3")

    def make(self) -> None:
        """Deploy the stack to the emulator that runs."""
        environment = read_environment(LOCAL)
        session = session_for(environment, self.settings.local_endpoint)
        s3 = session.client("s3")
        state = {
            "version": 4,
            "resources": [
                {
                    "mode": "managed",
                    "type": "aws_s3_bucket",
                    "name": "marks",
                    "instances": [{"attributes": {"id": "1"}}],
                }
            ],
            "outputs": {"bucket_names": {"value": {"marks": BUCKET}}},
        }
        for bucket in (environment.state_bucket, BUCKET):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=environment.state_bucket, Key=environment.state_key(STACK), Body=json.dumps(state))
        record_release(environment, session, STACK, Release(RELEASE, None, False))
        s3.put_object(Bucket=BUCKET, Key="ballast", Body=os.urandom(BALLAST_BYTES))
        self.set_mark("made")
        write_record(self.settings.engine_dir, self.wanted)

    def mark(self) -> str | None:
        """The mark of the emulator that runs; None of one that holds nothing, or that does not answer."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(self.client().get_object(Bucket=BUCKET, Key="mark")["Body"].read().decode())
        except (BotoCoreError, ClientError):
            return None

    def set_mark(self, mark: str) -> None:
        self.client().put_object(Bucket=BUCKET, Key="mark", Body=mark.encode())
