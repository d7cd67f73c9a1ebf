"""The pipelines do what docs/pipelines.md says, with as little trust as that takes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from invoke.parser import Parser
from ruamel.yaml import YAML

from stockroom.environments import LOCAL, environment_names, read_environment
from stockroom.project import ROOT
from stockroom.promotion.planning import Planned, print_plan
from stockroom.promotion.rules import path_names, read_rules
from tasks import namespace

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.iterdir())
NAMES = [path.name for path in FILES]
WORKFLOWS: dict[str, dict[str, Any]] = {path.name: YAML(typ="safe").load(path) for path in FILES}
JOBS = {f"{file}: {name}": job for file, workflow in WORKFLOWS.items() for name, job in workflow["jobs"].items()}

PINNED = re.compile(r"uses: ([a-z-]+/[a-z-]+)(?:/[a-z]+)?@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")
KEYS = {"STOCKROOM_EVIDENCE_KEY", "STOCKROOM_SNAPSHOT_KEY"}
CREDENTIALS = "aws-actions/configure-aws-credentials"
INVOKE = ".venv/bin/invoke "
# `invoke plan` prints the digest; this is how the job that promotes hears of it.
DIGEST_TO_OUTPUT = " | tee /dev/stderr | sed -n 's/^plan digest /digest=/p' >> \"$GITHUB_OUTPUT\""


def runs(job: dict[str, Any]) -> Iterator[str]:
    return (step["run"] for step in job["steps"] if "run" in step)


def tasks_of(job: dict[str, Any]) -> list[list[str]]:
    """The words of each `invoke` that a job runs."""
    lines = (run.removesuffix(DIGEST_TO_OUTPUT) for run in runs(job) if run.startswith(INVOKE))
    return [shlex.split(line.removeprefix(INVOKE)) for line in lines]


def environments_of(job: dict[str, Any], task: str) -> set[str]:
    """The environments that a job runs the task for, those of its matrix among them."""
    found = {words[words.index("--env") + 1] for words in tasks_of(job) if words[0] == task}
    every = {one["environment"] for one in job.get("strategy", {}).get("matrix", {}).get("include", [])}
    return (found - {"$ENVIRONMENT"}) | (every if "$ENVIRONMENT" in found else set())


def jobs_with(task: str, file: str = "") -> dict[str, dict[str, Any]]:
    return {name: job for name, job in JOBS.items() if name.startswith(file) and environments_of(job, task)}


def test_there_is_a_pipeline_for_each_stage() -> None:
    assert NAMES == ["audit.yml", "drift.yml", "main.yml", "pull_request.yml", "release.yml"]


def test_workflows_are_what_github_understands() -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_pinned_by_commit_and_each_to_one_version() -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    for path in FILES:
        text = path.read_text()
        pinned = PINNED.findall(text)
        assert len(pinned) == text.count("uses:"), path.name
        for action, commit, version in pinned:
            found.setdefault(action, set()).add((commit, version))
    assert {action for action, versions in found.items() if len(versions) > 1} == set()


# What may be run


@pytest.mark.parametrize("name", JOBS)
def test_jobs_install_as_the_readme_does_and_run_tasks_that_exist(name: str) -> None:
    (install, *others) = runs(JOBS[name])
    assert f"{install} && .venv/bin/invoke infra-up\n" in (ROOT / "README.md").read_text()
    assert [run for run in others if not run.startswith(INVOKE)] == []
    parser = Parser(contexts=namespace.to_contexts())
    for words in tasks_of(JOBS[name]):
        (parsed,) = parser.parse_argv(words)
        assert parsed.name
        assert not set(";&|<>`(") & set("".join(words)), "a task, and nothing behind it"


@pytest.mark.parametrize("name", JOBS)
def test_nothing_that_github_fills_in_becomes_part_of_a_command(name: str) -> None:
    assert [run for run in runs(JOBS[name]) if "${{" in run] == []


def test_the_digest_that_a_plan_prints_is_the_one_that_is_approved(capfd: pytest.CaptureFixture[str]) -> None:
    print_plan(Planned("prod", {}, {}, "0123456789abcdef" * 4))
    _, _, expression = DIGEST_TO_OUTPUT.partition("sed -n '")
    pattern, _, _ = expression.partition("'")
    said = subprocess.run(
        ["sed", "-n", pattern], input=capfd.readouterr().out, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"digest={'0123456789abcdef' * 4}\n"
    release = WORKFLOWS["release.yml"]["jobs"]
    (plan,) = [step for step in release["plan"]["steps"] if step.get("run", "").endswith(DIGEST_TO_OUTPUT)]
    assert plan["shell"] == "bash"  # only so does a plan that fails end the job
    assert release["plan"]["outputs"]["digest"] == f"${{{{ steps.{plan['id']}.outputs.digest }}}}"
    (promote,) = [step for step in release["promote-prod"]["steps"] if " promote " in step.get("run", "")]
    assert '--approve "$DIGEST"' in promote["run"]
    assert promote["env"]["DIGEST"] == "${{ needs.plan.outputs.digest }}"
    assert release["promote-prod"]["needs"] == "plan"


# Who may do what


@pytest.mark.parametrize("file", NAMES)
def test_a_workflow_has_no_permissions_but_those_of_its_jobs(file: str) -> None:
    assert WORKFLOWS[file]["permissions"] == {}
    assert "pull_request_target" not in WORKFLOWS[file]["on"]
    assert "workflow_run" not in WORKFLOWS[file]["on"]


@pytest.mark.parametrize("name", JOBS)
def test_jobs_read_the_repository_and_prove_who_they_are_only_for_a_role(name: str) -> None:
    job = JOBS[name]
    takes_role = any(step.get("uses", "").startswith(CREDENTIALS) for step in job["steps"])
    assert job["permissions"] == {"contents": "read", **({"id-token": "write"} if takes_role else {})}
    needs_role = any(environments_of(job, task) for task in ("plan", "promote", "drift"))
    assert takes_role == needs_role


@pytest.mark.parametrize("name", JOBS)
def test_jobs_end_and_run_on_a_system_that_does_not_change(name: str) -> None:
    assert JOBS[name]["timeout-minutes"] <= 60
    assert JOBS[name]["runs-on"] == "ubuntu-24.04"


@pytest.mark.parametrize("file", NAMES)
def test_no_secret_is_used_but_the_two_keys(file: str) -> None:
    text = (FOLDER / file).read_text()
    asked = {each.strip() for each in re.findall(r"\$\{\{(.*?)\}\}", text, re.DOTALL) if "secrets" in each}
    assert asked <= {f"secrets.{key}" for key in KEYS}
    assert "secrets: inherit" not in text
    assert re.findall(r"access-key|session-token|AKIA|ASIA", text) == []


@pytest.mark.parametrize("name", JOBS)
def test_the_key_of_evidence_goes_to_protected_environments_only(name: str) -> None:
    job = JOBS[name]
    for step in job["steps"]:
        if "STOCKROOM_EVIDENCE_KEY" in step.get("env", {}):
            assert step["env"]["STOCKROOM_EVIDENCE_KEY"] == "${{ secrets.STOCKROOM_EVIDENCE_KEY }}"
            assert job["environment"] in {"evidence", *path_names()}
    assert "secrets" not in str({key: value for key, value in job.items() if key != "steps"})


@pytest.mark.parametrize("name", JOBS)
def test_roles_are_taken_in_the_region_of_the_environments_and_by_name_of_a_variable(name: str) -> None:
    regions = {read_environment(one).region for one in environment_names() if one != LOCAL}
    for step in JOBS[name]["steps"]:
        if step.get("uses", "").startswith(CREDENTIALS):
            assert {step["with"]["aws-region"]} == regions
            assert set(step["with"]) == {"aws-region", "role-to-assume"}
            role = step["with"]["role-to-assume"]
            roles = [one["role"] for one in JOBS[name].get("strategy", {}).get("matrix", {}).get("include", [])]
            assert all(re.fullmatch(r"\$\{\{ vars\.\w+ \}\}", one) for one in (roles if "matrix" in role else [role]))


def test_pull_requests_of_forks_get_no_credentials() -> None:
    workflow = WORKFLOWS["pull_request.yml"]
    with_token = [job for job in workflow["jobs"].values() if "id-token" in job["permissions"]]
    assert with_token
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    assert all(own in job["if"] and "||" not in job["if"] for job in with_token)


def test_pull_requests_can_not_write_the_cache_of_snapshots() -> None:
    text = (FOLDER / "pull_request.yml").read_text()
    assert "actions/cache/restore@" in text
    assert "actions/cache@" not in text
    assert "actions/cache/save@" not in text


def test_all_locks_are_audited_every_night() -> None:
    workflow = WORKFLOWS["audit.yml"]
    (job,) = workflow["jobs"].values()
    assert tasks_of(job) == [["audit"]]
    assert "if" not in job
    (when,) = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", when["cron"])


# Which environments


@pytest.mark.parametrize(("task", "file"), [("plan", "pull_request.yml"), ("drift", "drift.yml")])
def test_every_environment_is_planned_and_compared(task: str, file: str) -> None:
    (job,) = jobs_with(task, file).values()
    assert environments_of(job, task) == set(path_names())
    for one in job["strategy"]["matrix"]["include"]:
        assert one["role"] == f"${{{{ vars.PLAN_ROLE_ARN_{one['environment'].upper()} }}}}"
    assert job["strategy"]["fail-fast"] is False


def test_every_environment_is_promoted_to_once_and_behind_the_one_before_it() -> None:
    promoted: dict[str, str] = {}
    for name, job in jobs_with("promote").items():
        (environment,) = environments_of(job, "promote")
        assert environment not in promoted
        promoted[environment] = name
        before = read_rules(environment).after
        if name.startswith("main.yml"):
            assert job["needs"] == (f"promote-{before}" if before else "e2e")
    assert set(promoted) == set(path_names())
    assert promoted["prod"].startswith("release.yml")


def test_only_promotions_that_nobody_approves_run_by_themselves() -> None:
    for job in jobs_with("promote", "main.yml").values():
        (environment,) = environments_of(job, "promote")
        assert read_rules(environment).approval == "none"


@pytest.mark.parametrize("name", jobs_with("promote"))
def test_promotions_run_one_at_a_time_and_are_never_cancelled(name: str) -> None:
    job = JOBS[name]
    (environment,) = environments_of(job, "promote")
    assert job["environment"] == environment
    assert job["concurrency"] == {"group": f"promote-{environment}", "cancel-in-progress": False}
    assert WORKFLOWS[name.partition(":")[0]].get("concurrency", {}).get("cancel-in-progress", False) is False
    (checkout,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["fetch-depth"] == 0  # the branch of origin, and older releases


@pytest.mark.parametrize("name", [name for name in JOBS if name not in jobs_with("promote")])
def test_other_jobs_leave_no_token_behind(name: str) -> None:
    (checkout,) = [step for step in JOBS[name]["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["persist-credentials"] is False


def test_a_release_is_what_main_has_tested() -> None:
    saved = [step["with"] for step in WORKFLOWS["main.yml"]["jobs"]["e2e"]["steps"] if "/save@" in step.get("uses", "")]
    of_commit = "evidence-${{ github.sha }}-"
    assert [step["path"] for step in saved] == [".stockroom/evidence"]
    assert saved[0]["key"].startswith(of_commit)
    for job in WORKFLOWS["release.yml"]["jobs"].values():
        (restored,) = [step["with"] for step in job["steps"] if "/restore@" in step.get("uses", "")]
        wanted = {"path": ".stockroom/evidence", "restore-keys": of_commit, "fail-on-cache-miss": True}
        assert restored.items() >= wanted.items()
    assert WORKFLOWS["release.yml"]["jobs"]["plan"]["if"].endswith("github.ref == 'refs/heads/main'")


# What the roles know

# Type of resource, by how it begins → the service in IAM's words.
SERVICES = {
    "appautoscaling": "application-autoscaling",
    "budgets": "budgets",
    "ce": "ce",
    "cloudwatch_dashboard": "cloudwatch",
    "cloudwatch_event": "events",
    "cloudwatch_log": "logs",
    "cloudwatch_metric": "cloudwatch",
    "dynamodb": "dynamodb",
    "iam": "iam",
    "kinesis": "kinesis",
    "kms": "kms",
    "lambda": "lambda",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
}


@pytest.mark.parametrize(
    ("file", "verbs"), [("reading.tf", "Describe|Get|View"), ("deploying.tf", "Create|Put|Modify|Register")]
)
def test_the_roles_know_every_service_that_stacks_are_made_of(file: str, verbs: str) -> None:
    modules = ROOT / "terraform" / "modules"
    sources = [path for path in modules.glob("*/*.tf") if path.parent.name != "delivery_roles"]
    types = {kind for path in sources for kind in re.findall(r'^resource "aws_(\w+)"', path.read_text(), re.MULTILINE)}
    used = {kind: next((name for start, name in SERVICES.items() if kind.startswith(start)), kind) for kind in types}
    known = set(re.findall(rf'"([a-z0-9-]+):(?:{verbs})', (modules / "delivery_roles" / file).read_text()))
    assert {kind for kind, service in used.items() if service not in known} == set()
