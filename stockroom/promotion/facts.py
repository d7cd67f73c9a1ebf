"""Gathers what the gates look at; changes nothing anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockroom.aws import error_code
from stockroom.console import Steps
from stockroom.environments import read_environment
from stockroom.errors import StockroomError
from stockroom.promotion.account import Account, open_account
from stockroom.promotion.ledger import Promotion, fold, read_events
from stockroom.promotion.promotion_lock import read_lock
from stockroom.promotion.request import Request
from stockroom.promotion.rules import Rules
from stockroom.promotion.subject import Subject, built_subject, code_of_commit, subject_before
from stockroom.promotion.verdicts import AccountFacts, Facts, Signature
from stockroom.releases.artifact_bucket import look
from stockroom.releases.artifacts import artifacts_of
from stockroom.releases.evidence import is_signed, read_evidence
from stockroom.settings import Settings
from stockroom.stored import read_object
from stockroom.system import git

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EVIDENCE_PREFIX = "promotions/evidence/"


@dataclass(frozen=True)
class Gathered:
    """The facts, with what they were taken from; `number_of_events` is the length of the ledger then."""

    facts: Facts
    subject: Subject
    account: Account | None
    evidence: dict[str, Any] | None
    number_of_events: int = 0


def gather(settings: Settings, request: Request, rules: Rules, folder: Path, steps: Steps) -> Gathered:
    """Everything but drift; the release's commit is checked out in the folder.

    Raises StockroomError where there is no release to promote or to go back to.
    """
    environment = read_environment(request.environment)
    account, problem = None, None
    subject = built_subject(code_of_commit(folder), steps) if request.kind == "promotion" else None
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
            if found.missing:
                names = ", ".join(found.missing)
                raise StockroomError(f"nothing was promoted to '{environment.name}' yet: {names} is missing")
            subject = subject_before(found.promotions, environment.name, folder)
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
