"""Policy checks: checkov over the Terraform code, and over a plan of every stack for every account.

checkov has a Python environment of its own, made from terraform/policies/requirements.txt in the cache of the user.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from stockroom.engines.emulator_installation import VERSION
from stockroom.engines.localstack import LocalStackEngine
from stockroom.environments import LOCAL, TERRAFORM_DIR, environment_names, read_environment, stack_names
from stockroom.settings import Settings
from stockroom.system.installation import Installation
from stockroom.system.processes import free_port
from stockroom.system.python_environments import find_python, make_python
from stockroom.system.user_cache import CACHE
from stockroom.testing.plans import plan_from_nothing
from stockroom.toolkit import OWN_FILES

POLICIES_DIR = OWN_FILES / "terraform" / "policies"
_LOCK = POLICIES_DIR / "requirements.txt"

INSTALLATION = Installation("checkov", CACHE / "policies", (_LOCK,), needed_mb=500)


def check_policies(folder: Path, settings: Settings, report: Callable[[str], None]) -> tuple[bool, str]:
    """Whether no check failed, and checkov's summaries: one line a target, with what failed below it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        installing = pool.submit(install, report)
        plans = _write_plans(folder, settings)
        checkov = installing.result()
    targets = {"code": ["--directory", str(TERRAFORM_DIR), "--framework", "terraform"]}
    codes = {stack: _code_of(stack, TERRAFORM_DIR, folder / "code") for stack in stack_names()}
    targets |= {
        f"plan of {stack} for {environment}": _plan_args(plan, codes[stack])
        for (stack, environment), plan in plans.items()
    }
    return _check(checkov, targets)


def check_plans(plans: Mapping[str, Path], code: Path, report: Callable[[str], None]) -> tuple[bool, str]:
    """The same of plans alone: files as `terraform show -json` writes them, by stack, with the code they are of."""
    checkov = install(report)
    with tempfile.TemporaryDirectory() as folder:
        targets = {
            f"plan of {stack}": _plan_args(plan, _code_of(stack, code, Path(folder))) for stack, plan in plans.items()
        }
        return _check(checkov, targets)


def _code_of(stack: str, code: Path, folder: Path) -> Path:
    """A folder with the stack alone, and the modules: a skip in one stack would count for whatever has the same address
    in another."""
    own = folder / stack
    shutil.copytree(code / "stacks" / stack, own / "stacks" / stack, ignore=shutil.ignore_patterns(".terraform"))
    if (code / "modules").is_dir():
        shutil.copytree(code / "modules", own / "modules", ignore=shutil.ignore_patterns(".terraform"))
    return own


def _plan_args(plan: Path, code: Path) -> list[str]:
    # Enriched with the code, so that the reasons for skips that stand there count for the plan too.
    args = ["--file", str(plan), "--framework", "terraform_plan"]
    return [*args, "--repo-root-for-plan-enrichment", str(code)]


def _check(checkov: Path, targets: Mapping[str, list[str]]) -> tuple[bool, str]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda name: _run(checkov, name, targets[name]), targets))
    return all(passed for passed, _ in outcomes), "\n".join(text for _, text in outcomes)


def install(report: Callable[[str], None]) -> Path:
    """The checkov program, installed from its lock if it is not there yet."""

    def parts() -> Iterator[Callable[[], None]]:
        python = find_python(VERSION) or VERSION
        yield partial(make_python, INSTALLATION.folder / "python", python, "checkov", _LOCK, "--compile-bytecode")

    INSTALLATION.install(report, parts)
    return INSTALLATION.folder / "python" / "bin" / "checkov"


def _write_plans(folder: Path, settings: Settings) -> dict[tuple[str, str], Path]:
    """Files with a plan of every stack for every environment but the local one, by stack and environment."""
    own = settings.model_copy(update={"run_dir": folder / "run", "port": free_port()})
    engine = LocalStackEngine(own)
    engine.start()
    try:
        engine.wait_until_ready()

        def write(target: tuple[str, str]) -> tuple[tuple[str, str], Path]:
            stack, environment = target
            plan = plan_from_nothing(own, read_environment(environment), stack, engine.endpoint, folder / "plans")
            file = folder / f"{stack}-{environment}.json"
            file.write_text(json.dumps(plan))
            return target, file

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            accounts = [name for name in environment_names() if name != LOCAL]
            return dict(pool.map(write, [(stack, name) for stack in stack_names() for name in accounts]))
    finally:
        engine.stop()


def _run(checkov: Path, name: str, args: list[str]) -> tuple[bool, str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "BC_", "CKV_"))}
    # What a plan can't know yet, the ARN of a new key for one, counts as given.
    environment["EVAL_TF_PLAN_AFTER_UNKNOWN"] = "True"
    done = subprocess.run(
        [str(checkov), "--config-file", str(POLICIES_DIR / "checkov.yaml"), *args],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return done.returncode == 0, "\n".join([f"--- checkov, {name}", *lines])
