"""What `infra-up` does: decided from what is there, by functions that touch nothing.

A platform that does not run begins with what was kept, or with the nearest snapshot, or empty (`how_to_start`). What it
then still lacks of what is wanted is deployed, loaded and saved (`steps_to`). A deployment that fails may leave nothing
that is worth keeping, so that all begins again with an empty engine (`after_failed_deployment`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from stockroom.snapshots.keys import Parts


class Start(Enum):
    """How the engine comes to run."""

    CHANGE = "it runs: change what it lacks"
    RESTORE = "begin with what was kept or with a snapshot, once the release is known"
    EMPTY = "start it with nothing in it, while the release is being built"


def how_to_start(running: bool, snapshots: bool, something_saved: bool) -> Start:
    """`snapshots`: they can be used here. `something_saved`: there is one to begin with, whatever the release is."""
    if running:
        return Start.CHANGE
    return Start.RESTORE if snapshots and something_saved else Start.EMPTY


@dataclass(frozen=True)
class Held:
    """What a running engine is known to hold.

    `parts` is None where that is nothing, or not known. `pristine`: nobody but `infra-up` made it, so it may become a
    snapshot that others begin with. `whole` is False where something of the parts was found to be missing.
    """

    parts: Parts | None
    pristine: bool
    whole: bool = True


@dataclass(frozen=True)
class Deploy:
    """Apply the stacks."""


@dataclass(frozen=True)
class LayOut:
    """Write the working directories of Terraform, as a deployment would have."""


@dataclass(frozen=True)
class Rest:
    """Let event sources rest until all is done: the processors are for loading and saving."""


@dataclass(frozen=True)
class Seed:
    """Load the data of every stack."""


@dataclass(frozen=True)
class Save:
    """Save the state, to be gone back to, and with `publish` for others to begin with."""

    parts: Parts
    publish: bool


Step = Deploy | LayOut | Rest | Seed | Save


def steps_to(wanted: Parts, held: Held, snapshots: bool) -> list[Step]:
    """What is still to be done where an engine holds this."""
    whole = held.parts if held.whole else None
    if whole and whole.covers(wanted):
        return [LayOut()]
    steps: list[Step] = []
    if not (whole and whole.covers(wanted.unseeded())):
        steps.append(Deploy())
        # Another dataset can then begin with that.
        if snapshots and held.pristine and wanted.seeded and not (held.parts and held.parts.seeded):
            steps.append(Save(wanted.unseeded(), publish=True))
    steps += [Rest()] if held.pristine else []
    steps += [Seed()] if wanted.seeded else []
    if snapshots:
        steps.append(Save(held.parts.with_more(wanted) if held.parts else wanted, publish=held.pristine))
    return steps


def is_as_wanted(parts: Parts, loaded: Mapping[str, str]) -> bool:
    """Whether what was loaded, by stack, is what the parts say of it: a file may have changed in between."""
    return all(parts.seeds.get(stack, fingerprint) == fingerprint for stack, fingerprint in loaded.items())


class AfterFailure(Enum):
    """What becomes of a deployment that failed."""

    RAISE = "it is told"
    RAISE_LEFT_BEHIND = "it is told, with how to get rid of what a killed run left without a state"
    START_AFRESH = "the engine is emptied, and all begins again"


def after_failed_deployment(held: Held, exists_already: bool, managed: bool, deployed_before: bool) -> AfterFailure:
    """`exists_already`: Terraform wanted to create what is there, since an earlier run died before it wrote its state.

    `managed`: the engine is ours to empty. `deployed_before`: a stack was deployed whole, so that its data may matter.
    """
    if held.parts and held.pristine:
        return AfterFailure.START_AFRESH
    if not exists_already:
        return AfterFailure.RAISE
    return AfterFailure.START_AFRESH if managed and not deployed_before else AfterFailure.RAISE_LEFT_BEHIND
