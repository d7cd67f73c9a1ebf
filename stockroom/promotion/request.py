"""What the words of the command line ask a promotion for."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

from stockroom.errors import StockroomError
from stockroom.promotion.ledger import Deed
from stockroom.promotion.rules import Rules, read_rules
from stockroom.promotion.verdicts import Waivers

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TASKS: dict[Deed, str] = {"promotion": "promote", "rollback": "rollback", "destroy": "destroy"}


@dataclass(frozen=True)
class Request:
    """`approve` is the digest of the plan to apply ("" asks a person); `allow_destroy` are addresses."""

    environment: str
    kind: Deed = "promotion"
    rehearse: bool = False
    approve: str = ""
    allow_destroy: tuple[str, ...] = ()
    waivers: Waivers = field(default_factory=Waivers)

    @property
    def command(self) -> str:
        return f"invoke {_TASKS[self.kind]} --env {self.environment}{' --rehearse' if self.rehearse else ''}"


def make_request(
    env: str,
    kind: Deed,
    rehearse: bool,
    approve: str = "",
    allow_destroy: list[str] | None = None,
    accept_drift: bool = False,
    during_freeze: str = "",
) -> tuple[Request, Rules]:
    """The request and the rules of its environment. Raises StockroomError for what can not be done."""
    rules = read_rules(env)
    if approve and not _DIGEST.fullmatch(approve):
        raise StockroomError(
            f"--approve {approve}: not the digest of a plan", f"`invoke plan --env {env}` prints it, 64 letters long"
        )
    waivers = Waivers(accept_drift, during_freeze.strip())
    return Request(env, kind, rehearse, approve, tuple(allow_destroy or ()), waivers), rules


def check_approver(request: Request, rules: Rules) -> None:
    """Raises StockroomError where the environment wants an approval and nobody is there to give one."""
    if rules.approval == "typed" and not request.approve and not sys.stdin.isatty():
        rollback = " --rollback" if request.kind == "rollback" else ""
        raise StockroomError(
            f"'{request.environment}' wants an approval, and there is no terminal to ask on",
            f"`invoke plan --env {request.environment}{rollback}` prints the plan's digest; then give "
            f"--approve DIGEST to this command",
        )
