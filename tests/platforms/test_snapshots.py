"""A platform that begins with a snapshot is the one that was saved: nothing to apply, nothing lost, all at work."""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stockroom.system.processes import free_port

from .own_platform import ROOT, STACK, OwnPlatform, own_platform, wait_until


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[OwnPlatform]:
    shell = {
        "STOCKROOM_SNAPSHOTS": "on",
        "STOCKROOM_SNAPSHOTS_DIR": str(tmp_path / "snapshots"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    with own_platform(tmp_path / "run", free_port(), shell) as platform:
        yield platform


@pytest.mark.waits
def test_a_platform_and_its_snapshots(platform: OwnPlatform, tmp_path: Path) -> None:
    cold = platform.run("infra-up")
    assert " apply " in cold
    wait_until(lambda: len(list((tmp_path / "snapshots").glob("*.snapshot"))) == 2)
    platform.run("infra-down")

    again = platform.run("infra-up")
    assert "from the snapshot" in again
    assert " apply " not in again
    assert " seed " not in again
    assert "nothing has changed" in platform.run("infra-up")
    platform.wait_until_drained()
    assert has_all(platform)
    wait_until(lambda: "processed" in platform.run("snapshot.list"), seconds=600, pause=1.0)
    platform.run("infra-down")
    assert "from the snapshot" in platform.run("infra-up")
    assert has_all(platform), "nothing was to be waited for any more"
    assert "0 added, 0 changed, 0 destroyed" in platform.run("infra-up", "--no-snapshot")

    # Functions, queues and streams are not only there, they work.
    sell(platform, "99000001")
    wait_until(lambda: "99000001" in numbers_of_orders(platform) and "test-99000001" in ids_of_events(platform))

    platform.run("infra-down", "--keep-state")
    assert "with the data that was kept" in platform.run("infra-up")
    assert "99000001" in numbers_of_orders(platform)
    sell(platform, "99000002")
    wait_until(lambda: "99000002" in numbers_of_orders(platform) and "test-99000002" in ids_of_events(platform))

    platform.run("snapshot.save", "sold")
    assert open_to_others(tmp_path / "run") == []
    assert open_to_others(tmp_path / "snapshots") == []
    sell(platform, "99000003")
    wait_until(lambda: "99000003" in numbers_of_orders(platform))
    assert "sold" in platform.run("snapshot.list")
    platform.run("snapshot.load", "sold")
    assert {"99000001", "99000002", "99000003"} & set(numbers_of_orders(platform)) == {"99000001", "99000002"}
    sell(platform, "99000004")
    wait_until(lambda: "99000004" in numbers_of_orders(platform))
    platform.run("reset")
    assert "99000004" not in numbers_of_orders(platform)
    assert "99000002" in numbers_of_orders(platform)


def open_to_others(folder: Path) -> list[str]:
    """What other users of the machine may do anything with; what runs may remove a file meanwhile.

    What is unpacked of functions has the modes of their zips, in a folder that is closed.
    """
    found = []
    for path in [folder, *(path for path in folder.rglob("*") if "awslambda-" not in str(path.parent))]:
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if status.st_mode & 0o077 and not stat.S_ISLNK(status.st_mode):
                found.append(f"{status.st_mode:o} {path}")
    return found


def has_all(platform: OwnPlatform) -> bool:
    """Whether what was seeded has been stored, all of it once."""
    return numbers_of_orders(platform) == sorted(order["order_id"] for order in sample("orders")) and ids_of_events(
        platform
    ) == sorted(event["event_id"] for event in sample("sales_events"))


def sample(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ROOT / "fixtures" / f"{name}.jsonl").read_text().splitlines()]


def sell(platform: OwnPlatform, number: str) -> None:
    """Send an order and a sales event of its first line, as a shop does."""
    outputs = platform.status()["outputs"][STACK]
    order = sample("orders")[0] | {"order_id": number}
    platform.client("sqs").send_message(QueueUrl=outputs["queue_urls"]["orders"], MessageBody=json.dumps(order))
    event = sample("sales_events")[0] | {"order_id": number, "event_id": f"test-{number}"}
    platform.client("kinesis").put_record(
        StreamName=outputs["stream_names"]["sales_events"], Data=json.dumps(event).encode(), PartitionKey=number
    )


def numbers_of_orders(platform: OwnPlatform) -> list[str]:
    return sorted(order["order_id"] for order in platform.stored_orders())


def ids_of_events(platform: OwnPlatform) -> list[str]:
    return sorted(event["event_id"] for event in platform.captured_events())
