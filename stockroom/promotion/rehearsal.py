"""`invoke rehearse`: takes the release of this commit along the whole path and back, in accounts of a local engine.

Everything is done by the commands that a user has, in clones of the repository. To have something to roll back to, a
release before this one goes along the path first: the same commit, with a comment added to one function.

.stockroom/rehearsal/<start>/
    origin.git  before/  now/    the remote, and a clone at each of the two releases
    platform/                    run directory of the engine; gone when the rehearsal has ended
    logs/                        what each command printed
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from stockroom.console import Steps, out
from stockroom.deployed.terraform_state import read_deployed
from stockroom.environments import read_environment, stack_names
from stockroom.errors import StockroomError
from stockroom.project import HOME, ROOT
from stockroom.promotion.account import open_account
from stockroom.promotion.approval import APPROVAL_OF_ITS_OWN
from stockroom.promotion.rehearsal_clones import Clones, CommandError
from stockroom.promotion.rules import path_names, read_rules
from stockroom.releases.artifact_bucket import hex_of
from stockroom.releases.evidence import EVIDENCE_DIR
from stockroom.settings import Settings
from stockroom.system import git
from stockroom.system.processes import free_port, processes_in, stop
from stockroom.testing.own_platform import own_folder, undisturbed

REHEARSAL_DIR = HOME / "rehearsal"
_REASON = "a rehearsal"


@dataclass(frozen=True)
class Observed:
    """What an environment runs at one moment, as its ledger, the release's evidence and Lambda itself tell.

    `code` are SHA-256 (hex) of the code behind the alias `live` of each function, as `<stack>/<function>`; `tested`
    those in the evidence.
    """

    environment: str
    release: str
    ledger: str
    tested: Mapping[str, str]
    code: Mapping[str, str]

    @property
    def disagreement(self) -> str | None:
        """What does not fit together; None where everything does."""
        if self.ledger != self.release:
            return f"the ledger of {self.environment} says {self.ledger[:12]}, and {self.release[:12]} was promoted"
        if wrong := sorted(name for name in self.tested if self.code.get(name) != self.tested[name]):
            return f"{self.environment} runs other code than was tested: {', '.join(wrong)}"
        return None


def rehearse(settings: Settings, steps: Steps) -> Path:
    """Rehearse; returns the folder with the logs. Raises StockroomError for what did not go as it should."""
    if changed := git.changed_files():
        raise StockroomError(
            f"not committed: {', '.join(changed[:3])}", "commit it first: a rehearsal is of what a commit holds"
        )
    with own_folder("invoke rehearse", steps, _made(REHEARSAL_DIR)) as folder:
        rehearsal = _Rehearsal(settings, folder, steps)
        try:
            rehearsal.run()
        finally:
            with undisturbed(), steps.step("engine") as step:
                step.say("stopping")
                rehearsal.take_down()
                step.say("stopped")
        return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Rehearsal:
    def __init__(self, settings: Settings, folder: Path, steps: Steps) -> None:
        key = settings.evidence_key.get_secret_value() if settings.evidence_key else secrets.token_hex(32)
        self._settings = settings.model_copy(update={"run_dir": folder / "platform", "port": free_port()})
        self._folder = folder
        self._steps = steps
        variables = {
            "STOCKROOM_EVIDENCE_KEY": key,
            "STOCKROOM_RUN_DIR": str(self._settings.run_dir),
            "STOCKROOM_PORT": str(self._settings.port),
        }
        self._environments = path_names()
        self._clones = Clones(folder, variables, steps)

    def run(self) -> None:
        with self._steps.step("clones") as step:
            branches = sorted({read_rules(environment).branch for environment in self._environments})
            before = self._clones.clone("before", branches, comment=True)
            now = self._clones.clone("now", branches, comment=False)
            step.say("this release, and one before it to go back to")
        with ThreadPoolExecutor() as pool:
            try:
                there, back = self._go_along(before, now, pool)
            except BaseException:
                self._clones.end_commands()
                raise
        self._clones.invoke(now, "status", "--all", "--rehearse", log="status")
        _print(there, back)
        if wrong := next((one.disagreement for one in [*there, *back] if one.disagreement), None):
            raise StockroomError(f"the rehearsal does not add up: {wrong}", f"the logs are in {self._folder / 'logs'}")

    def _go_along(self, before: Path, now: Path, pool: Executor) -> tuple[list[Observed], list[Observed]]:
        """What every environment ran in the end, and when it was rolled back.

        An environment only asks that the one before it on the path runs the release, so what comes behind may go on.
        """
        testing = pool.submit(self._test, before, "before")
        for name in self._environments:
            self._clones.invoke(before, "bootstrap", "--env", name, "--rehearse", log=f"bootstrap-{name}")
        testing.result()
        testing = pool.submit(self._test, now, "now")
        old, new = self._release(before), self._release(now)
        *earlier, last = self._environments

        for name in earlier:
            self._promote(before, "promote", name, "before", old)
            if testing.done():
                testing.result()  # no use in going on when the other release is no good
        at_last = pool.submit(self._promote, before, "promote", last, "before", old)
        testing.result()
        there = [self._promote(now, "promote", name, "now", new) for name in earlier[:1]]
        at_last.result()
        there += [self._promote(now, "promote", name, "now", new) for name in earlier[1:]]
        at_last = pool.submit(self._promote, now, "promote", last, "now", new)
        # A rollback asks only that the environment before it ran that release once.
        back = [pool.submit(self._promote, now, "rollback", name, "back", old) for name in earlier[:-1]]
        there.append(at_last.result())
        back += [
            pool.submit(self._promote, now, "rollback", name, "back", old) for name in self._environments[len(back) :]
        ]
        return there, [one.result() for one in back]

    def take_down(self) -> None:
        self._clones.run(ROOT, ["infra-down"], "infra-down")
        stop(list(processes_in(self._folder)), patience=10)
        self._clones.remove("platform", "before", "now")

    def _test(self, clone: Path, name: str) -> None:
        self._clones.invoke(clone, "e2e", log=f"e2e-{name}", own=False)

    def _release(self, clone: Path) -> str:
        answer = json.loads(self._clones.invoke(clone, "release", "--json", log=f"release-{clone.name}"))
        return str(answer["release"]["digest"])

    # Promotions

    def _promote(self, clone: Path, task: str, environment: str, name: str, release: str) -> Observed:
        """As CI does where an approval is wanted: plan, then approve what was planned. Returns what came of it."""
        args = ["--env", environment, "--rehearse", "--during-freeze", _REASON]
        if read_rules(environment).approval != "typed":
            self._clones.invoke(clone, task, *args, log=f"{name}-{environment}")
            return self._look(environment, release, name)
        rollback = ["--rollback"] if task == "rollback" else []
        plan = ["--env", environment, "--rehearse", *rollback]
        # Once more for each stack whose plan is known only when those that it needs are applied.
        for _ in range(len(stack_names())):
            planned = self._clones.invoke(clone, "plan", *plan, log=f"{name}-{environment}-plan")
            try:
                self._clones.invoke(clone, task, *args, "--approve", digest_in(planned), log=f"{name}-{environment}")
                break
            except CommandError as error:
                if APPROVAL_OF_ITS_OWN not in (error.details or ""):
                    raise
        return self._look(environment, release, name)

    def _look(self, name: str, release: str, when: str) -> Observed:
        environment = read_environment(name)
        account = open_account(environment, read_rules(name), self._settings, rehearse=True)
        history = json.loads(
            self._clones.invoke(ROOT, "history", "--env", name, "--json", "--rehearse", log=f"{when}-{name}-history")
        )
        succeeded = [one for one in history if one["result"] == "succeeded"]
        evidence: dict[str, Any] = json.loads((EVIDENCE_DIR / f"{release}.json").read_text(encoding="utf-8"))
        client = account.session.client("lambda")
        code = {}
        for stack in stack_names():
            deployed = read_deployed(environment, account.session, stack)
            for function, full_name in (deployed.outputs if deployed else {}).get("function_names", {}).items():
                configuration = client.get_function(FunctionName=full_name, Qualifier="live")["Configuration"]
                code[f"{stack}/{function}"] = hex_of(configuration["CodeSha256"])
        tested = {
            f"{stack}/{function}": sha256
            for stack, kinds in evidence["artifacts"].items()
            for function, sha256 in kinds["bundles"].items()
        }
        return Observed(name, release, succeeded[-1]["release"]["digest"], tested, code)


def digest_in(printed: str) -> str:
    """The plan digest in what `invoke plan` printed."""
    cells = next(line.split() for line in printed.splitlines() if line.startswith("plan digest "))
    return cells[-1]


def _print(there: list[Observed], back: list[Observed]) -> None:
    table = Table("environment", "promoted", "its code", "rolled back to", "its code", box=None, pad_edge=False)
    for one, other in zip(there, back, strict=True):
        cells = [_words(one), _words(other)]
        table.add_row(one.environment, one.ledger[:12], cells[0], other.ledger[:12], cells[1])
    out.print()
    out.print(table)


def _words(observed: Observed) -> str:
    return observed.disagreement or f"{len(observed.code)} functions, as tested"
