"""Terraform's own checks: format, validation, module tests, and a mocked plan of every stack for every environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stockroom.environments import (
    ENVIRONMENTS_DIR,
    LOCAL,
    TERRAFORM_DIR,
    environment_names,
    local_process_environment,
    read_environment,
    stack_names,
)
from stockroom.settings import Settings
from stockroom.terraform.binary import find_binary
from stockroom.terraform.provider import running_provider
from stockroom.terraform.provider_sources import installed_provider, named_types, process_variables

# Nothing listens there: these checks need no AWS, and a slip must not reach it.
_NOWHERE = "http://127.0.0.1:9"

_INIT = ["init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly"]


def check_all(folder: Path, settings: Settings) -> tuple[bool, str]:
    """Whether everything passed, and the output of all checks. Works in a copy under `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TERRAFORM_DIR, folder, ignore=shutil.ignore_patterns(".terraform"))
    stacks = [folder / "stacks" / stack for stack in stack_names()]
    modules = sorted(path for path in (folder / "modules").iterdir() if path.is_dir())
    for module in modules:
        shutil.copy(stacks[0] / ".terraform.lock.hcl", module)
    environment = local_process_environment(
        os.environ, _NOWHERE, read_environment(LOCAL).region, process_variables(settings)
    )
    alone = _Runner(find_binary(settings).path, environment)
    initialised, output = alone.run(stacks[0], *_INIT)
    if not initialised:
        return False, output
    # One for all: they ask it for nothing but schemas, and left to itself Terraform starts one for each test.
    with (
        running_provider(
            installed_provider(stacks[0]), folder, environment, folder / "provider.log", named_types(folder)
        ) as attached,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        runner = _Runner(alone.binary, {**environment, **attached.variables})
        pending = [pool.submit(runner.run, TERRAFORM_DIR, "fmt", "-check", "-recursive", "-diff")]
        pending += [pool.submit(runner.check_root, stack, environment_names()) for stack in stacks]
        pending += [pool.submit(runner.check_root, module, []) for module in modules]
        results = [future.result() for future in pending]
    passed = all(passed for passed, _ in results)
    summary = f"format, {len(modules)} modules, {len(stacks)} stacks for {', '.join(environment_names())}"
    return passed, "\n".join([*(output for _, output in results), summary])


@dataclass(frozen=True)
class _Runner:
    """Terraform's program, and the whole environment in which it runs."""

    binary: Path
    environment: Mapping[str, str]

    def run(self, folder: Path, *args: str) -> tuple[bool, str]:
        done = subprocess.run(
            [str(self.binary), *args],
            cwd=folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return done.returncode == 0, f"--- {folder.name}: terraform {' '.join(args)}\n{done.stdout}"

    def check_root(self, folder: Path, environments: list[str]) -> tuple[bool, str]:
        """Initialise, validate and test one module or stack; then its plan for each environment."""
        commands = [_INIT, ["validate", "-no-color"], ["test", "-no-color"]]
        for name in environments:
            files = [ENVIRONMENTS_DIR / name / f"{part}.tfvars" for part in ("environment", folder.name)]
            variables = [f"-var-file={path}" for path in files]
            commands.append(["test", "-no-color", "-test-directory=tests/environments", *variables])
        outputs = []
        for args in commands:
            passed, output = self.run(folder, *args)
            outputs.append(output)
            if not passed:
                return False, "\n".join(outputs)
        return True, "\n".join(outputs)
