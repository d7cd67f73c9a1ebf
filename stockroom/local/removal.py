"""Removing some stacks of the running platform, and leaving the others as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack

from stockroom.console import Steps
from stockroom.deployed.completeness import count_seeded
from stockroom.deployed.terraform_state import deployed_names, read_all_deployed
from stockroom.environments import LOCAL, enter_local_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.local.deployment import Deployment, build
from stockroom.local.running import platform_lock, running_session
from stockroom.releases.code import work_tree
from stockroom.settings import Settings
from stockroom.side_by_side import results_of
from stockroom.snapshots.platform import open_snapshots, unavailable_reason
from stockroom.snapshots.record import forget_base, forget_record, read_record
from stockroom.stacks import in_order, read_manifests, seeders
from stockroom.terraform.binary import find_binary


def check_removal(names: Iterable[str], deployed: Sequence[str], needs: Mapping[str, Iterable[str]]) -> None:
    """Raises StockroomError for a stack that is not deployed or not in the repository, and for one that another needs.

    `needs` has those of every stack of the repository.
    """
    going = set(names)
    for name in sorted(going):
        if name not in deployed:
            raise StockroomError(
                f"the stack '{name}' is not deployed", f"deployed are: {', '.join(deployed) or 'none'}"
            )
        if name not in needs:
            raise StockroomError(
                f"terraform/stacks/{name} is gone, and with it the code that can destroy the stack",
                "bring it back with git and run the command again, or end the whole platform with `invoke infra-down`",
            )
        if staying := [other for other in deployed if name in needs.get(other, ()) and other not in going]:
            raise StockroomError(
                f"the stack '{name}' is needed by {', '.join(staying)}",
                f"name that too: --stack {' --stack '.join([name, *staying])}",
            )


def remove_stacks(settings: Settings, names: Sequence[str], steps: Steps) -> None:
    """Destroy the stacks with Terraform. Raises StockroomError where the platform does not run, and see above."""
    environment = read_environment(LOCAL)
    enter_local_environment(settings.local_endpoint, environment.region)
    with platform_lock(settings, "invoke infra-down", steps), ExitStack() as ending:
        engine, environment, session = running_session(settings)
        manifests = read_manifests()
        check_removal(names, deployed_names(environment, session), {name: one.needs for name, one in manifests.items()})
        code, going = work_tree(), tuple(in_order(manifests, names))
        deployment = Deployment(
            settings, environment, find_binary(settings), code, manifests, going, engine, session, steps
        )
        artifacts, _ = build(code, steps)
        deployment.set_up(artifacts, False, lambda: None, ending)
        record = read_record(settings.engine_dir)
        forget_record(settings.engine_dir)
        forget_base(settings.engine_dir)  # `invoke reset` would bring them back
        results_of(deployment.destroy(), "destroy")
        left = record.parts.without(going) if record else None
        if left and left.stacks and not unavailable_reason(settings):
            outputs = {stack.name: stack.outputs for stack in read_all_deployed(environment, session)}
            counts = count_seeded(session, outputs, seeders(manifests, left.seeds))
            open_snapshots(settings, engine, steps).take(left, counts, publish=False)
