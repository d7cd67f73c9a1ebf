"""Loading the data of deployed stacks, each by its own seeder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stockroom.console import Steps
from stockroom.deployed.terraform_state import read_deployed
from stockroom.environments import Environment
from stockroom.errors import StockroomError
from stockroom.seeder import Dataset, Loaded, Seeder, Target

if TYPE_CHECKING:
    import boto3

Seeders = Mapping[str, Seeder]
"""Stack → its seeder, in the order in which stacks are deployed."""


def check_dataset(seeders: Seeders, dataset: Dataset, stacks: Iterable[str]) -> None:
    """Raises StockroomError for a dataset that a seeder refuses at once, or that there is no seeder for."""
    if dataset.path and not seeders:
        raise StockroomError(
            f"nothing loads {dataset.path}: {', '.join(stacks)} has no seeder", "leave --dataset out, or name a stack"
        )
    for seeder in seeders.values():
        seeder.check(dataset)


def seed_stacks(
    seeders: Seeders,
    dataset: Dataset,
    environment: Environment,
    session: boto3.Session,
    endpoint: str,
    folder: Path,
    steps: Steps,
) -> dict[str, Loaded]:
    """Load the dataset into every stack that has a seeder, one after the other; returns what was loaded, by stack.

    `folder` is where seeders keep files of their own. Raises StockroomError for a stack that is not deployed, and for
    what a seeder can't load.
    """
    loaded = {}
    for stack, seeder in seeders.items():
        deployed = read_deployed(environment, session, stack)
        if deployed is None:
            raise StockroomError(f"the stack '{stack}' is not deployed", "deploy it with `invoke infra-up`")
        with steps.step("seed") as step:
            target = Target(deployed.outputs, session, endpoint, folder / stack)
            loaded[stack] = seeder.load(dataset, target, step.say)
            step.say(loaded[stack].line)
    return loaded
