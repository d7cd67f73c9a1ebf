"""Stacks of a project of its own: which of them come up, begin with a snapshot, are seeded, fail, and go."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.system.processes import free_port

from .own_platform import ROOT, OwnPlatform, own_platform, wait_until

STACKS = ("alpha", "beta", "gamma")

# One seeder for both, which loads as many records as its dataset says, or two.
SEEDER = """
from rich.text import Text

from stockroom.seeder import Loaded


class Records:
    def check(self, dataset):
        pass

    def fingerprint(self, dataset):
        return dataset.path.read_text().strip() if dataset.path else "2"

    def load(self, dataset, target, say):
        count = self.fingerprint(dataset)
        for number in range(int(count)):
            item = {"id": {"S": f"seeded {number}"}}
            target.session.client("dynamodb").put_item(TableName=target.outputs["table_names"]["records"], Item=item)
        return Loaded(count, f"{count} records", Text(f"loaded {count} records"))

    def count(self, outputs, session):
        table = outputs["table_names"]["records"]
        return {"records": session.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]}
"""


def stockroom(folder: Path, *args: str) -> None:
    program = "from stockroom.tasks.program import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *args], cwd=folder, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """alpha and beta wait for nobody, gamma needs beta; all three have a function, a queue, a table and outputs of the
    same short names."""
    folder = tmp_path_factory.mktemp("projects") / "Zwei Stacks é"
    stockroom(folder.parent, "new.project", str(folder), "--name", "twins")
    for stack in STACKS:
        stockroom(folder, "new.stack", stack)
    manifests = {stack: folder / "terraform" / "stacks" / stack / "stack.toml" for stack in STACKS}
    for stack in ("alpha", "beta"):
        manifests[stack].write_text(manifests[stack].read_text() + 'seeder = "loading.records:Records"\n')
    manifests["gamma"].write_text(manifests["gamma"].read_text().replace("needs       = []", 'needs = ["beta"]'))
    (folder / "loading").mkdir()
    (folder / "loading" / "records.py").write_text(SEEDER)
    return folder


@pytest.fixture
def platform(tmp_path: Path, project: Path) -> Iterator[OwnPlatform]:
    snapshots = {"STOCKROOM_SNAPSHOTS": "on", "STOCKROOM_SNAPSHOTS_DIR": str(tmp_path / "snapshots")}
    with own_platform(tmp_path / "run", free_port(), snapshots, project) as platform:
        yield platform


def applied(output: str) -> set[str]:
    """The stacks that were applied, as `infra-up` tells."""
    return set(re.findall(r"^. apply +(\w+):", output, re.MULTILINE))


def records(platform: OwnPlatform) -> dict[str, int]:
    return {stack: counted["tables"]["records"] for stack, counted in platform.status()["records"].items()}


def put(platform: OwnPlatform, stack: str, key: str) -> None:
    table = platform.status()["outputs"][stack]["table_names"]["records"]
    platform.client("dynamodb").put_item(TableName=table, Item={"id": {"S": key}})


def snapshot_is_packed(platform: OwnPlatform) -> None:
    """What is saved in the background is a snapshot when nothing of the platform writes it any more."""
    folder = Path(platform.shell["STOCKROOM_SNAPSHOTS_DIR"])
    wait_until(lambda: folder.exists() and not [*folder.glob("*.draft")] and len([*folder.glob("*.snapshot")]) >= 2)


def test_stacks_come_one_by_one_and_go_again(platform: OwnPlatform) -> None:
    output = platform.run("infra-up", "--stack", "alpha")
    assert applied(output) == {"alpha"}
    assert records(platform) == {"alpha": 2}

    # Another comes, with what it needs, and leaves the first as it is.
    put(platform, "alpha", "of a user")
    output = platform.run("infra-up", "--stack", "gamma")
    assert applied(output) == {"beta", "gamma"}
    assert records(platform) == {"alpha": 3, "beta": 2, "gamma": 0}

    # The names are the same everywhere; what is behind them is not.
    outputs = platform.status()["outputs"]
    for output_name in ("table_names", "queue_urls", "dead_letter_queue_urls", "function_names"):
        short = {tuple(outputs[stack][output_name]) for stack in STACKS}
        assert len(short) == 1
        assert len({value for stack in STACKS for value in outputs[stack][output_name].values()}) == 3

    # Asked for all, nothing is left to do.
    assert "nothing has changed" in platform.run("infra-up")

    refused = platform.start("infra-down", "--stack", "beta")
    assert refused.finish() == 1
    assert "the stack 'beta' is needed by gamma" in refused.output
    platform.run("infra-down", "--stack", "gamma", "--stack", "beta")
    assert records(platform) == {"alpha": 3}
    assert platform.client("lambda").list_functions()["Functions"][0]["FunctionName"].startswith("twins-local-alpha")
    assert len(platform.client("lambda").list_functions()["Functions"]) == 1

    # The base is what is there now, and no stack that is gone.
    put(platform, "alpha", "again of a user")
    platform.run("reset")
    assert records(platform) == {"alpha": 3}

    platform.run("infra-up")
    assert records(platform) == {"alpha": 3, "beta": 2, "gamma": 0}
    platform.run("infra-down", "--keep-state")
    platform.run("infra-up", "--stack", "alpha")
    assert records(platform) == {"alpha": 3, "beta": 2, "gamma": 0}, "what was kept is all there"


def test_the_nearest_snapshot_is_the_start(platform: OwnPlatform) -> None:
    platform.run("infra-up", "--stack", "alpha")
    snapshot_is_packed(platform)
    platform.run("infra-down")
    output = platform.run("infra-up", "--stack", "alpha", "--stack", "beta")
    assert "from the snapshot" in output
    assert "alpha: 0 added" in output
    assert applied(output) == {"alpha", "beta"}
    assert "beta: 0 added" not in output
    assert records(platform) == {"alpha": 2, "beta": 2}


def test_another_dataset_is_loaded_into_every_stack_that_loads_one(platform: OwnPlatform, tmp_path: Path) -> None:
    dataset = tmp_path / "three.txt"
    dataset.write_text("3\n")
    output = platform.run("infra-up", "--stack", "alpha", "--stack", "beta", "--dataset", str(dataset))
    assert output.count("loaded 3 records") == 2
    assert records(platform) == {"alpha": 3, "beta": 3}
    dataset.write_text("5\n")
    assert platform.run("seed", "--stack", "beta", "--dataset", str(dataset)).count("loaded 5 records") == 1
    assert records(platform) == {"alpha": 3, "beta": 5}


def test_one_that_fails_lets_the_independent_ones_finish(platform: OwnPlatform, project: Path) -> None:
    main = project / "terraform" / "stacks" / "beta" / "main.tf"
    whole = main.read_text()
    # The emulator refuses it, and the plan knows nothing of that.
    main.write_text(
        whole + 'resource "aws_s3_object" "broken" {\n  bucket = "nobodys-bucket"\n  key = "x"\n  content = "x"\n}\n'
    )
    try:
        failing = platform.start("infra-up")
        assert failing.finish() == 1
    finally:
        main.write_text(whole)
    assert "error: terraform apply of the stack 'beta' failed" in failing.output
    assert "not begun: gamma (needs beta); done: alpha" in failing.output
    assert {"alpha"} <= platform.status()["outputs"].keys()
    assert "alpha: 0 added" in platform.run("infra-up")
    assert records(platform) == {"alpha": 2, "beta": 2, "gamma": 0}


@pytest.mark.parametrize(
    ("manifest", "error"),
    [
        ('needs = ["gamma"]', "stacks wait for each other"),
        ('needs = ["delta"]', "needs: there is no stack 'delta'"),
        ('neds = ["alpha"]', "stack.toml: neds: extra inputs are not permitted"),
        ('seeder = "loading.nothing:Records"', "stack.toml: seeder: there is no module loading.nothing"),
        ("needs = [", "stack.toml is not TOML"),
    ],
)
def test_a_mistake_in_a_manifest_is_one_line(tmp_path: Path, project: Path, manifest: str, error: str) -> None:
    path = project / "terraform" / "stacks" / "beta" / "stack.toml"
    whole = path.read_text()
    path.write_text(manifest + "\n")
    try:
        refused = OwnPlatform(tmp_path / "run", free_port(), project=project).start("infra-up")
        assert refused.finish() == 1
    finally:
        path.write_text(whole)
    told = [line for line in refused.output.splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    assert error in told[0]
    assert not (tmp_path / "run" / "engine").exists()
