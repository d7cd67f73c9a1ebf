"""Plans of a stack that start from nothing: all that an environment's variables ask for, and no state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stockroom.environments import ENVIRONMENTS_DIR, STACKS_DIR, TERRAFORM_DIR, Environment, local_process_environment
from stockroom.errors import StockroomError
from stockroom.releases.artifacts import Artifact, Kind
from stockroom.releases.bundles import function_names
from stockroom.releases.code import work_tree
from stockroom.releases.layers import layer_names
from stockroom.releases.release import release_variables
from stockroom.settings import Settings
from stockroom.terraform.binary import find_binary
from stockroom.terraform.provider import running_provider
from stockroom.terraform.provider_sources import installed_provider, named_types, process_variables

_NO_BACKEND = 'terraform {\n  backend "local" {}\n}\n'


def plan_from_nothing(
    settings: Settings, environment: Environment, stack: str, endpoint: str, folder: Path
) -> dict[str, Any]:
    """The plan as `terraform show -json` gives it (format version 1), made in a copy of the code under `folder`.

    The engine at `endpoint` answers who is asking, as the environment's own account. Raises StockroomError with
    Terraform's words.
    """
    work = folder / environment.name / stack
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(TERRAFORM_DIR / "modules", work / "modules", ignore=shutil.ignore_patterns(".terraform", "tests"))
    root = work / "stacks" / stack
    shutil.copytree(STACKS_DIR / stack, root, ignore=shutil.ignore_patterns(".terraform", "tests"))
    (root / "backend_override.tf").write_text(_NO_BACKEND)
    code = work_tree()
    names: dict[Kind, list[str]] = {"bundles": function_names(stack, code), "layers": layer_names(stack, code)}
    # A plan from nothing needs keys of the right form, not the zips themselves. No key holds an account id.
    unbuilt = [Artifact(kind, stack, name, "a1" * 32) for kind, found in names.items() for name in found]
    (root / "release.auto.tfvars.json").write_text(json.dumps(release_variables(environment, stack, unbuilt)))
    variables = [
        f"-var-file={ENVIRONMENTS_DIR / environment.name / f'{name}.tfvars'}" for name in ("environment", stack)
    ]
    extra = process_variables(settings) | {"AWS_ACCESS_KEY_ID": environment.account_id}
    process_environment = local_process_environment(os.environ, endpoint, environment.region, extra)
    binary = find_binary(settings).path

    def terraform(*args: str, attached: Mapping[str, str] = {}) -> str:
        done = subprocess.run(
            [str(binary), *args],
            cwd=root,
            env=process_environment | dict(attached),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StockroomError(
                f"terraform {args[0]} of {stack} for {environment.name} failed", None, done.stderr or done.stdout
            )
        return done.stdout

    terraform("init", "-input=false", "-no-color", "-lockfile=readonly")
    log, types = work / "provider.log", named_types(work)
    with running_provider(installed_provider(root), root, process_environment, log, types) as provider:
        attached = provider.variables
        terraform("plan", "-input=false", "-no-color", "-lock=false", "-out=plan", *variables, attached=attached)
        plan: dict[str, Any] = json.loads(terraform("show", "-json", "plan", attached=attached))
    return plan
