"""Terraform's own checks: format, validation, module tests, and a mocked plan of every stack for every environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stockroom.environments import (
    ENVIRONMENTS_DIR,
    LOCAL,
    STACKS_DIR,
    TERRAFORM_DIR,
    environment_names,
    local_process_environment,
    read_environment,
    stack_names,
)
from stockroom.settings import Settings
from stockroom.terraform import find_binary, process_variables

# Nothing listens there: these checks need no AWS, and a slip must not reach it.
_NOWHERE = "http://127.0.0.1:9"


def check_all(folder: Path, settings: Settings) -> tuple[bool, str]:
    """Whether everything passed, and the output of all checks. Works in a copy under `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TERRAFORM_DIR, folder, ignore=shutil.ignore_patterns(".terraform"))
    locks = {path.parent.name: path for path in STACKS_DIR.glob("*/.terraform.lock.hcl")}
    modules = sorted(path for path in (folder / "modules").iterdir() if path.is_dir())
    for module in modules:
        shutil.copy(next(iter(locks.values())), module)
    runner = _Runner(settings)
    with ThreadPoolExecutor(2) as pool:
        pending = [pool.submit(runner.run, TERRAFORM_DIR, "fmt", "-check", "-recursive", "-diff")]
        pending += [pool.submit(runner.check_root, module, []) for module in modules]
        pending += [
            pool.submit(runner.check_root, folder / "stacks" / stack, environment_names()) for stack in stack_names()
        ]
        results = [future.result() for future in pending]
    passed = all(passed for passed, _ in results)
    summary = f"format, {len(modules)} modules, {len(stack_names())} stacks for {', '.join(environment_names())}"
    return passed, "\n".join([*(output for _, output in results), summary])


class _Runner:
    def __init__(self, settings: Settings) -> None:
        self._binary = find_binary(settings).path
        self._environment = local_process_environment(
            os.environ, _NOWHERE, read_environment(LOCAL).region, process_variables(settings)
        )

    def run(self, folder: Path, *words: str) -> tuple[bool, str]:
        done = subprocess.run(
            [str(self._binary), *words],
            cwd=folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return done.returncode == 0, f"--- {folder.name}: terraform {' '.join(words)}\n{done.stdout}"

    def check_root(self, folder: Path, environments: list[str]) -> tuple[bool, str]:
        """Initialise, validate and test one module or stack; then its plan for each environment."""
        commands = [
            ["init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly"],
            ["validate", "-no-color"],
            ["test", "-no-color"],
        ]
        for name in environments:
            files = [ENVIRONMENTS_DIR / name / f"{part}.tfvars" for part in ("environment", folder.name)]
            variables = [f"-var-file={path}" for path in files]
            commands.append(["test", "-no-color", "-test-directory=tests/environments", *variables])
        outputs = []
        for words in commands:
            passed, output = self.run(folder, *words)
            outputs.append(output)
            if not passed:
                return False, "\n".join(outputs)
        return True, "\n".join(outputs)
