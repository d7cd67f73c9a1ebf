"""`invoke destroy`: removes a stack from an environment that its release does not have any more."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from stockroom.console import Steps
from stockroom.deployed.terraform_state import DeployedStack, read_deployed
from stockroom.environments import read_environment
from stockroom.errors import StockroomError
from stockroom.promotion.account import Account, open_account
from stockroom.promotion.applying import apply_plans
from stockroom.promotion.approval import RefusedError, approve, check_destroys
from stockroom.promotion.attempt import Attempt
from stockroom.promotion.folders import ensure_engine, promotion_folder, promotions_dir
from stockroom.promotion.ledger import Promotion, current, fold, read_events, unfinished
from stockroom.promotion.leftovers import leftover_stacks, stacks_of
from stockroom.promotion.plan_summary import changes_of, plan_digest
from stockroom.promotion.planning import Known, Planned, print_plan
from stockroom.promotion.promotion_lock import new_holder
from stockroom.promotion.request import Request
from stockroom.promotion.rules import Rules
from stockroom.releases.artifacts import artifacts_of
from stockroom.releases.code import Code, checked_out
from stockroom.releases.release import release_variables
from stockroom.settings import Settings
from stockroom.stacks import Manifests, read_manifests
from stockroom.terraform.binary import find_binary
from stockroom.terraform.release_directory import WorkingDirectory


@dataclass(frozen=True)
class _Leftover:
    """A stack that is to go, with the code that it was last deployed from, and the promotion that did it."""

    stack: str
    promotion: Promotion
    code: Code
    manifests: Manifests


def destroy(settings: Settings, request: Request, stack: str, rules: Rules, steps: Steps) -> None:
    """Destroy all of the stack, by a plan that is approved. Raises StockroomError for one that the release still has,
    and for one that another deployed stack needs."""
    if request.rehearse:
        ensure_engine(settings, steps)
    account = open_account(read_environment(request.environment), rules, settings, request.rehearse)
    holder = new_holder(f"{request.command} --stack {stack}")
    with promotion_folder(promotions_dir(settings, request.environment, request.rehearse), holder.promotion) as folder:
        events = read_events(account.session.client("s3"), account.environment.state_bucket)
        promotions = fold(events)
        runs = what_runs(promotions, stack, request.environment)
        leftover = _find(account, promotions, stack, folder)
        _check_nobody_needs(leftover, account, request.environment)
        attempt = Attempt(account, holder, folder, holder.command, steps)
        what = {"kind": "destroy", "release": runs.release, "artifacts": runs.artifacts}
        attempt.run(len(events), [stack], what, lambda: _destroy(settings, request, rules, leftover, attempt))


def what_runs(promotions: list[Promotion], stack: str, environment: str) -> Promotion:
    """The promotion whose release the environment runs. Raises StockroomError where that, or one that did not come to
    its end, has the stack."""
    runs = current(promotions)
    if runs is None or runs.artifacts is None:
        raise StockroomError(f"'{environment}' runs no release of this version of Stockroom", "promote one first")
    for one in (runs, unfinished(promotions)):
        if one and stack in stacks_of(one.commit):
            raise StockroomError(
                f"{stack} is a stack of release {one.digest[:12]}, so the next promotion would make it again",
                f"remove terraform/stacks/{stack} from the repository, and promote that to {environment} first",
            )
    return runs


def _find(account: Account, promotions: list[Promotion], stack: str, folder: Path) -> _Leftover:
    deployed = read_deployed(account.environment, account.session, stack)
    name = account.environment.name
    if deployed is None or not deployed.resources:
        raise StockroomError(f"no stack '{stack}' is deployed to '{name}'", f"`invoke drift --env {name}` names those")
    promotion = made_by(promotions, deployed)
    if promotion is None or promotion.artifacts is None:
        raise StockroomError(
            f"the ledger of '{name}' knows no release with a stack '{stack}'",
            "check out the commit that it was deployed from, and use `terraform destroy` there",
        )
    code = checked_out(promotion.commit, folder)
    return _Leftover(stack, promotion, code, read_manifests(code.root / "terraform" / "stacks"))


def made_by(promotions: list[Promotion], deployed: DeployedStack) -> Promotion | None:
    """The last promotion of the release that the stack is of; of one that came to no end, the last that had it."""
    digest = deployed.release and deployed.release["digest"]
    known = [one for one in reversed(promotions) if one.applying]
    of_record = (one for one in known if one.digest == digest)
    return next(of_record, None) or next((one for one in known if deployed.name in stacks_of(one.commit)), None)


def _check_nobody_needs(leftover: _Leftover, account: Account, environment: str) -> None:
    manifests = leftover.manifests
    for other in leftover_stacks(account, [leftover.stack]):
        if other in manifests and leftover.stack in manifests[other].needs:
            raise StockroomError(
                f"{other}, which needs {leftover.stack}, is still deployed to '{environment}'",
                f"destroy it first: `invoke destroy --env {environment} --stack {other}`",
            )


def _destroy(settings: Settings, request: Request, rules: Rules, leftover: _Leftover, attempt: Attempt) -> None:
    account, steps, stack = attempt.account, attempt.steps, leftover.stack
    attempt.step = "plan"
    with steps.step(f"plan {stack}") as step:
        step.say("planning to destroy it")
        terraform = find_binary(settings).path
        work = WorkingDirectory(stack, account.environment, leftover.code.root, terraform, account.variables)
        artifacts = artifacts_of(leftover.promotion.artifacts or {})
        work.init(release_variables(account.environment, stack, artifacts))
        plan = work.plan(destroy=True)
        known = Known(work, plan, changes_of(stack, plan))
        step.say(f"{len(known.changes)} to destroy")
    digest = plan_digest(request.environment, leftover.promotion.digest, {stack: known.effect})
    planned = Planned(request.environment, leftover.manifests, {stack: known}, digest)
    print_plan(planned)
    check_destroys(planned, [], request)
    attempt.step = "approval"
    if rules.approval == "typed" and not request.approve and not sys.stdin.isatty():
        raise RefusedError(
            f"'{request.environment}' wants an approval, and there is no terminal to ask on",
            f"to approve it, add --approve {digest}",
        )
    approve(planned, request, rules, account.environment.account_id, again=False, steps=steps)
    attempt.begin_to_apply(digest)
    apply_plans(planned, attempt.folder, steps, attempt.progress)
