"""Commands where no platform runs, and what all commands have in common."""

import subprocess
import sys

import pytest

from tests.commands.stockroom_command import ROOT, Commands

TASKS = {
    "audit",
    "bench",
    "bootstrap",
    "clean",
    "destroy",
    "doctor",
    "down",
    "drift",
    "e2e",
    "env",
    "history",
    "infra-down",
    "infra-status",
    "infra-up",
    "lint",
    "logs",
    "new.function",
    "new.module",
    "new.project",
    "new.stack",
    "plan",
    "promote",
    "redrive",
    "rehearse",
    "release",
    "report",
    "reset",
    "rollback",
    "secrets",
    "seed",
    "setup-terraform",
    "snapshot.delete",
    "snapshot.export",
    "snapshot.import",
    "snapshot.list",
    "snapshot.load",
    "snapshot.save",
    "status",
    "test",
    "unlock",
    "up",
}


def test_list_shows_every_command(stockroom: Commands) -> None:
    answer = stockroom("--list")
    assert answer.code == 0
    lines = [line.split() for line in answer.out.splitlines() if line.startswith("  ") and line[2] != " "]
    assert {words[0] for words in lines} == TASKS
    assert all(len(words) > 3 for words in lines), "each says what it does"


def test_list_imports_nothing_heavy(stockroom: Commands) -> None:
    program = (
        "import sys; sys.argv = ['invoke', '--list']\n"
        "import invoke.main\n"
        "try: invoke.main.program.run()\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=stockroom.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "infra-up" in done.stdout
    imported = set(eval(done.stderr))
    assert "tasks" in imported
    assert not imported & {
        "boto3",
        "botocore",
        "pydantic",
        "pydantic_settings",
        "rich",
        "psutil",
        "hcl2",
        "seed",
        "pyarrow",
        "matplotlib",
    }


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_command_and_every_option_is_explained(stockroom: Commands, task: str) -> None:
    answer = stockroom("--help", task)
    assert answer.code == 0
    assert "none\n" not in answer.out.split("Options:")[0]
    options = [line for line in answer.out.split("Options:")[1].splitlines() if line.startswith("  -")]
    assert all(len(line.split("  ")) > 2 or line.endswith("STRING") or "--" in line for line in options)


def test_infra_status(stockroom: Commands) -> None:
    answer = stockroom("infra-status")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "engine    localstack stopped",
        f"endpoint  http://127.0.0.1:{stockroom.port}",
        "start it with: invoke infra-up",
    ]
    assert answer.left == []


def test_infra_status_as_json(stockroom: Commands) -> None:
    answer = stockroom("infra-status", "--json")
    assert answer.code == 0
    status = answer.json()
    assert status["endpoint"] == f"http://127.0.0.1:{stockroom.port}"
    assert status["engine"]["name"] == "localstack"
    assert status["engine"]["state"] == "stopped"
    assert status["release"] is None
    assert status["resources"] == {}
    assert status["records"] == {}


def test_seed(stockroom: Commands) -> None:
    answer = stockroom("seed")
    assert answer.error == "the local platform does not run"
    assert "next:  start it with `invoke infra-up`" in answer.err
    assert answer.left == []


def test_bootstrap_of_the_local_environment(stockroom: Commands) -> None:
    assert stockroom("bootstrap").error == "the local platform does not run"


def test_secrets(stockroom: Commands) -> None:
    for words in ([], ["--generate=customer_pseudonyms"]):
        assert stockroom("secrets", *words).error == "the local platform does not run"


def test_redrive(stockroom: Commands) -> None:
    for words in (["orders"], ["orders", "--list"]):
        answer = stockroom("redrive", *words)
        assert answer.error == "the local platform does not run"
        assert "next:  start it with `invoke infra-up`" in answer.err
        assert answer.left == []


def test_logs_before_there_are_any(stockroom: Commands) -> None:
    answer = stockroom("logs")
    assert (answer.error, answer.left) == ("there is no log yet", [])


def test_logs_of_a_platform_that_ran(stockroom: Commands) -> None:
    log = stockroom.run_dir / "engine" / "localstack.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert stockroom("logs", "--lines=2").out == "line 98\nline 99\n"
    assert len(stockroom("logs").out.splitlines()) == 50


@pytest.mark.parametrize("count", ["many", "-3", "1.5"])
def test_logs_of_a_strange_number_of_lines(stockroom: Commands, count: str) -> None:
    assert stockroom("logs", f"--lines={count}").error == f"--lines {count}: not a number"


@pytest.mark.parametrize("words", [["--lines=100000"], ["--lines=100000", "--follow"]])
def test_logs_that_nobody_reads_to_the_end(stockroom: Commands, words: list[str]) -> None:
    log = stockroom.run_dir / "engine" / "localstack.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    with subprocess.Popen(
        [sys.executable, "-m", "invoke", "logs", *words],
        cwd=ROOT, env=stockroom.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "line 0\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1


def test_env_can_be_evaluated(stockroom: Commands) -> None:
    answer = stockroom("env")
    assert answer.code == 0
    assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{stockroom.port}" in answer.out.splitlines()
    assert all(
        line.startswith(("export AWS_", "export NO_PROXY=", "export no_proxy=", "unset AWS_"))
        for line in answer.out.splitlines()
    )
    assert answer.err == ""


def test_doctor(stockroom: Commands) -> None:
    answer = stockroom("doctor")
    assert answer.code == 0, answer.out
    assert answer.out.splitlines()[-1] == "ready for: invoke infra-up"
    assert answer.left == []


def test_doctor_as_json(stockroom: Commands) -> None:
    answer = stockroom("doctor", "--json")
    assert answer.code == 0
    assert answer.json()["ok"] is True
    assert {"check", "result", "detail", "mend"} == set(answer.json()["findings"][0])
    broken = stockroom("doctor", "--json", STOCKROOM_TERRAFORM="/nowhere/terraform")
    assert broken.code == 1
    assert broken.json()["ok"] is False


def test_infra_down(stockroom: Commands) -> None:
    for words in ([], ["--keep-state"]):
        answer = stockroom("infra-down", *words)
        assert answer.code == 0
        assert "was not running" in answer.out
        assert answer.left == []


def test_infra_down_removes_what_is_the_platforms_alone(stockroom: Commands) -> None:
    for name in ("engine/localstack.log", "terraform/local/x.tf", "seed/x.csv", "a-file-of-the-users"):
        path = stockroom.run_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert "a-file-of-the-users" in stockroom("infra-down", "--keep-state").left
    assert "engine/localstack.log" in stockroom.left()
    assert stockroom("infra-down").left == ["a-file-of-the-users"]
    (stockroom.run_dir / "a-file-of-the-users").unlink()
    stockroom("infra-down")
    assert not stockroom.run_dir.exists()


@pytest.mark.parametrize("command", ["infra-status", "infra-down", "doctor", "env", "seed"])
def test_output_that_no_terminal_reads_is_plain(stockroom: Commands, command: str) -> None:
    answer = stockroom(command, TERM="xterm-256color")
    assert "\x1b" not in answer.out + answer.err


@pytest.mark.parametrize("command", ["infra-down", "doctor", "infra-status"])
def test_a_terminal_that_knows_ascii_alone(stockroom: Commands, command: str) -> None:
    answer = stockroom(command, PYTHONIOENCODING="ascii")
    assert answer.code == 0, answer.err
