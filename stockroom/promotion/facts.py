"""Gathers what the gates look at; changes nothing anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockroom.aws import error_code
from stockroom.console import Steps
from stockroom.environments import Environment, read_environment, stack_names
from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.promotion.account import Account, open_account
from stockroom.promotion.gates import AccountFacts, Facts, Signature
from stockroom.promotion.ledger import Promotion, current, fold, read_events, release_before
from stockroom.promotion.plan_summary import changes_of
from stockroom.promotion.promotion_lock import read_lock
from stockroom.promotion.request import Request
from stockroom.promotion.rules import Rules
from stockroom.releases.artifact_bucket import look
from stockroom.releases.artifacts import Artifacts, Hashes, artifacts_of, described, hashes_of
from stockroom.releases.build import build_artifacts
from stockroom.releases.code import Code, checked_out, head_of, work_tree
from stockroom.releases.evidence import is_signed, read_evidence
from stockroom.releases.release import (
    Release,
    read_release,
    release_digest,
    release_files,
    release_variables,
)
from stockroom.settings import Settings
from stockroom.side_by_side import Check, results_of, run_side_by_side
from stockroom.stored import read_object
from stockroom.system import git
from stockroom.terraform.binary import find_binary
from stockroom.terraform.release_directory import WorkingDirectory, one_init_at_a_time

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EVIDENCE_PREFIX = "promotions/evidence/"


@dataclass(frozen=True)
class Subject:
    """The release that is to be promoted. `hashes` are those of its artifacts.

    `built` are the zips; None of a rollback, for which the artifact bucket has them. `code` is a clean check-out of the
    release's commit, where it has one.
    """

    release: Release
    hashes: Hashes
    built: Artifacts | None
    code: Code

    @property
    def rebuilt(self) -> str:
        """The digest that the code really has, together with the artifacts."""
        return release_digest(release_files(self.code), artifacts_of(self.hashes))

    def variables(self, environment: Environment, stack: str) -> dict[str, Any]:
        return release_variables(environment, stack, artifacts_of(self.hashes))


@dataclass(frozen=True)
class Gathered:
    """The facts, with what they were taken from; `number_of_events` is the length of the ledger then."""

    facts: Facts
    subject: Subject
    account: Account | None
    evidence: dict[str, Any] | None
    number_of_events: int = 0


def built_subject(code: Code, steps: Steps) -> Subject:
    """The release that the code is, with its bundles and layers built."""
    with steps.step("bundles") as step:
        step.say("building the functions and their layers")
        artifacts = build_artifacts(stack_names(code.root / "terraform" / "stacks"), code)
        step.say(described(artifacts))
    return Subject(read_release(artifacts, code), hashes_of(artifacts), artifacts, code)


def _code_of_commit(folder: Path) -> Code:
    commit = head_of(ROOT)
    return checked_out(commit, folder) if commit else work_tree()


def gather(settings: Settings, request: Request, rules: Rules, folder: Path, steps: Steps) -> Gathered:
    """Everything but drift; the release's commit is checked out in the folder.

    Raises StockroomError where there is no release to promote or to go back to.
    """
    environment = read_environment(request.environment)
    account, problem = None, None
    subject = built_subject(_code_of_commit(folder), steps) if request.kind == "promotion" else None
    with steps.step("facts") as step:
        step.say("asking git and the account")
        try:
            account = open_account(environment, rules, settings, request.rehearse)
        except StockroomError as error:
            if subject is None:
                raise
            problem = (error.message, error.hint)
        found, number = None, 0
        if account:
            found, number = _account_facts(account, rules)
        if subject is None:
            assert found
            assert account
            subject = _subject_before(request, found, folder)
            found = replace(found, lacking=_lacking(account, subject))
        evidence = read_evidence(subject.release.digest)
        if evidence is None and account and found and not found.missing:
            evidence = _kept_evidence(account, subject.release.digest)
        commit = subject.release.commit
        promoting = request.kind == "promotion"
        facts = Facts(
            environment=request.environment,
            kind=request.kind,
            release=subject.release,
            rebuilt=subject.rebuilt,
            artifacts=subject.hashes,
            changed_files=tuple(git.changed_files(commit=commit)) if commit and promoting else (),
            not_pushed=git.why_not_pushed(commit, rules.branch) if commit else None,
            evidence=evidence,
            signature=signature_of(evidence, settings),
            account=found,
            account_problem=problem,
        )
        step.say(f"release {subject.release} for {request.environment} ({environment.account_id})")
    return Gathered(facts, subject, account, evidence, number)


def signature_of(evidence: Mapping[str, Any] | None, settings: Settings) -> Signature:
    if evidence is None or "signature" not in evidence:
        return "none"
    if settings.evidence_key is None:
        return "no key"
    return "good" if is_signed(evidence, settings.evidence_key.get_secret_value()) else "bad"


def _account_facts(account: Account, rules: Rules) -> tuple[AccountFacts, int]:
    environment, s3 = account.environment, account.session.client("s3")
    missing = tuple(
        name
        for name in (environment.state_bucket, environment.artifact_bucket)
        if not bucket_is_there(s3, name, environment.account_id)
    )
    found = AccountFacts(account.caller, account.clock_skew_seconds, missing)
    if missing:
        return found, 0
    events = read_events(s3, environment.state_bucket)
    held = read_lock(s3, environment.state_bucket)
    before = _ledger_before(s3, rules)
    promotions = tuple(fold(events))
    found = replace(found, holder=held.holder if held else None, promotions=promotions, before=before)
    return found, len(events)


def bucket_is_there(s3: S3Client, bucket: str, owner: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
        return True
    except ClientError as error:
        if error_code(error) in {"404", "NoSuchBucket"}:
            return False
        if error_code(error) in {"403", "AccessDenied"}:
            raise StockroomError(
                f"the bucket {bucket} may not be read, or is of another account: {error}",
                "the role that promotes needs what terraform/modules/delivery_roles gives it",
            ) from None
        raise


def _ledger_before(s3: S3Client, rules: Rules) -> tuple[Promotion, ...] | str:
    from botocore.exceptions import ClientError

    if rules.after is None:
        return ()
    try:
        before = read_environment(rules.after)
        return tuple(fold(read_events(s3, before.state_bucket, before.account_id)))
    except ClientError as error:
        return str(error)
    except StockroomError as error:
        return error.message


def _subject_before(request: Request, found: AccountFacts, folder: Path) -> Subject:
    env = request.environment
    if found.missing:
        raise StockroomError(f"nothing was promoted to '{env}' yet: {', '.join(found.missing)} is missing")
    before = release_before(found.promotions)
    if before is None:
        runs = current(found.promotions)
        words = f"it runs {runs.digest[:12]}, and no release before that" if runs else "it never ran a release"
        raise StockroomError(f"there is nothing to roll '{env}' back to: {words}", "promote another commit instead")
    if before.artifacts is None:
        raise StockroomError(
            f"release {before.digest[:12]}, which '{env}' ran before, was promoted by an older version of Stockroom",
            f"test and promote its commit {before.commit[:12]} instead",
        )
    release = Release(before.digest, before.commit, dirty=False)
    return Subject(release, before.artifacts, None, checked_out(before.commit, folder))


def _lacking(account: Account, subject: Subject) -> tuple[str, ...]:
    s3, bucket = account.session.client("s3"), account.environment.artifact_bucket
    found = ((artifact.key, look(s3, bucket, artifact)) for artifact in artifacts_of(subject.hashes))
    return tuple(key if state == "missing" else f"{key} (other content)" for key, state in found if state != "there")


def _kept_evidence(account: Account, digest: str) -> dict[str, Any] | None:
    """The evidence that an earlier promotion of the release left beside the ledger."""
    found = read_object(
        account.session.client("s3"), account.environment.state_bucket, f"{EVIDENCE_PREFIX}{digest}.json"
    )
    try:
        content = json.loads(found[0]) if found else None
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def drift_of(
    account: Account, promotions: Sequence[Promotion], folder: Path, settings: Settings
) -> tuple[str, ...] | None:
    """What differs from the release that the environment runs, as "<stack>: <sign> <address>".

    None where no release was promoted yet. The release's own code is planned again: what it would do is the drift.
    """
    from stockroom.promotion.plan_summary import lines

    runs = current(promotions)
    if runs is None:
        return None
    if runs.artifacts is None:
        return (f"all of release {runs.digest[:12]}: an older version of Stockroom promoted it, and kept other sums",)
    artifacts = artifacts_of(runs.artifacts)
    code = checked_out(runs.commit, folder)
    if (digest := release_digest(release_files(code), artifacts)) != runs.digest:
        raise StockroomError(
            f"commit {runs.commit[:12]} is release {digest[:12]}, and the ledger of '{account.environment.name}' says "
            f"{runs.digest[:12]}",
            "look at the versions of the ledger in S3: somebody has changed it",
        )
    terraform, one_init = find_binary(settings).path, one_init_at_a_time(account.variables)

    def compare(stack: str, check: Check) -> list[str]:
        work = WorkingDirectory(stack, account.environment, code.root, terraform, account.variables)
        with one_init:
            work.init(release_variables(account.environment, stack, artifacts), check)
        return [f"{stack}: {line}" for line in lines(changes_of(stack, work.plan(lock=False, watch=check)))]

    # None of them waits for another one: nothing is changed.
    stacks = dict.fromkeys(stack_names(code.root / "terraform" / "stacks"), ())
    found = results_of(run_side_by_side(stacks, compare), "drift")
    return tuple(line for stack in stacks for line in found[stack])
