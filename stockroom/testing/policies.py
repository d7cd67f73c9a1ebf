"""Policy checks: checkov over the Terraform code, and over a plan of every stack for every account.

checkov has a Python environment of its own under .stockroom/policies/, made from terraform/policies/requirements.txt.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stockroom.engines.emulator_installation import VERSION
from stockroom.engines.localstack import LocalStackEngine
from stockroom.environments import LOCAL, TERRAFORM_DIR, environment_names, read_environment, stack_names
from stockroom.project import HOME
from stockroom.settings import Settings
from stockroom.system.file_lock import exclusive
from stockroom.system.processes import free_port
from stockroom.system.python_environments import find_python, run_uv
from stockroom.testing.plans import plan_from_nothing
from stockroom.toolkit import OWN_FILES

POLICIES_DIR = OWN_FILES / "terraform" / "policies"


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
    digest = hashlib.sha256((POLICIES_DIR / "requirements.txt").read_bytes()).hexdigest()[:12]
    home = HOME / "policies"
    folder = home / digest
    home.mkdir(parents=True, exist_ok=True)
    with exclusive(home / "lock", "install checkov", report):
        if not (folder / "installed").exists():
            report("installing checkov (once)")
            for old in (path for path in home.iterdir() if path.is_dir()):
                shutil.rmtree(old)
            run_uv("venv", "--no-project", "--python", find_python(VERSION) or VERSION, folder, what="make a venv")
            run_uv(
                "pip", "install", "--python", folder / "bin" / "python", "--require-hashes", "--compile-bytecode",
                "-r", POLICIES_DIR / "requirements.txt",
                what="install checkov",
            )  # fmt: skip
            (folder / "installed").touch()
    return folder / "bin" / "checkov"


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
