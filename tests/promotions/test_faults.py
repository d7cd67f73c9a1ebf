"""Every way to break a promotion that we know: it is refused or stops with words that help, and can be gone on with.

    pytest tests/promotions/test_faults.py [-k 'evidence or lock']

A case is a row of the table: what is broken, the command, what it says, and what it may have changed in the accounts.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from stockroom.promotion.ledger import PREFIX as LEDGER
from stockroom.promotion.promotion_lock import KEY as LOCK
from stockroom.releases.evidence import Selection
from tests.promotions.breakages import (
    EXTRA,
    FOREIGN,
    ONE_FAILED,
    STATE_LOCK,
    STATE_LOCK_CONTENT,
    Breakage,
    Shell,
    account,
    alive,
    all_of,
    branch_is_gone,
    bundle_is_gone,
    changed_file,
    code_by_hand,
    committed,
    cut_network,
    damaged_evidence,
    dead,
    edited,
    empty_ledger,
    evidence,
    finished,
    from_dirty_tree,
    greeting_by_hand,
    greeting_by_hand_in_prod,
    interrupt,
    kill_engine,
    last_event,
    locked_by,
    log_group_deleted,
    more_tests,
    network_that_fails,
    no_clone,
    no_credentials,
    nothing,
    nothing_listens,
    of_another_release,
    on_another_branch,
    one_release_ever,
    other_bundle,
    overlooked,
    profile_with_endpoint,
    proxy_is_dead,
    remote,
    resigned,
    rules_file,
    shell,
    stack_file,
    state_object,
    tfvars,
    unfinished_before,
    unsigned,
)
from tests.promotions.stand_ins import Aws
from tests.promotions.world import COMMAND_SECONDS, Done, World, changed

ZEROS = "0" * 64
OTHER_CODE = {"records": {"bundles": {"greet": ZEROS}, "layers": {}}}
DEV = "promote --env dev --rehearse"
PROD = f"promote --env prod --rehearse --approve {ZEROS}"
APPLIED = "ledger state account artifacts"
REFUSED_LATE = "ledger artifacts"

RELEASE = {tfvars("dev"): 'greeting = "changed"\n'}
FUNCTION = "functions/records/greet/greet.py"
SMOKE = "tests/e2e/test_records.py"
BROKEN_TEST = "import pytest\n\n\n@pytest.mark.smoke\ndef test_it() -> None:\n    assert False, 'broken'\n"
FREEZE = '\n[[freeze]]\nfrom = "2020-01-01 00:00"\nuntil = "2099-01-01 00:00"\n'
FROZEN = 'branch = "main"\napproval = "none"\nsigned_evidence = false\nevidence_days = 14\n' + FREEZE
NO_LOGS = {stack_file("log_group"): None, stack_file("bucket"): None}
ALLOWED = "--allow-destroy aws_cloudwatch_log_group.records --allow-destroy aws_s3_bucket.records"


@dataclass(frozen=True)
class Case:
    """`changes` are kinds of what the command may change in its environment; `way_out` are commands that then work,
    though what was broken still is; `through` is that the base can be promoted as soon as it is mended.

    `prompt` and `keys` are of a command on a terminal; `meanwhile` is done while the command runs.
    """

    name: str
    broken: Breakage
    command: str
    says: tuple[str, ...]
    changes: str = ""
    code: int = 1
    way_out: tuple[str, ...] = ()
    through: bool = False
    prompt: str = ""
    keys: str = ""
    meanwhile: Callable[[World, subprocess.Popen[str]], None] | None = None


def gets_through(group: str) -> Case:
    """The next run, with nothing broken, of a group whose cases are refused before anything is touched."""
    return Case(f"then the next run gets through after {group}", nothing, DEV, ("runs release",), APPLIED, 0)


WORDS = (
    Case("an unknown environment", nothing, "promote --env nowhere", ("no environment 'nowhere'", "promoted to: dev")),
    Case("the local environment", nothing, "promote --env local", ("not promoted to 'local'", "promoted to: dev")),
    Case(
        "a digest that is none", nothing, "promote --env prod --rehearse --approve abc",
        ("--approve abc: not the digest of a plan", "`invoke plan --env prod` prints it"),
    ),
    Case(
        "nobody to ask", nothing, "promote --env prod --rehearse",
        ("wants an approval, and there is no terminal", "--approve DIGEST"),
    ),
    Case(
        "a wrong line in promotion.toml", edited(rules_file("dev"), "evidense_days = 3\n"), DEV,
        ("terraform/environments/dev/promotion.toml: evidense_days", "docs/promotion.md explains every line"),
    ),
    Case(
        "a promotion.toml that is no TOML", edited(rules_file("dev"), "branch = \n"), DEV,
        ("dev/promotion.toml is not TOML", "docs/promotion.md explains every line"),
    ),
    Case(
        "a key that is too short", shell(STOCKROOM_EVIDENCE_KEY="short"), DEV,
        ("STOCKROOM_EVIDENCE_KEY in the environment: is shorter than 32", "openssl rand -hex 32"),
    ),
    Case(
        "no Terraform", shell(STOCKROOM_TERRAFORM="/nowhere/terraform"), DEV,
        ("no Terraform or OpenTofu found at STOCKROOM_TERRAFORM", "invoke setup-terraform"),
    ),
    Case("nothing at all in drift", nothing, "drift", ("give --env NAME or --all", "dev, prod, test")),
)  # fmt: skip

CREDENTIALS = (
    Case("no credentials", no_credentials, "promote --env dev", ("no AWS credentials for 'dev'", "aws sso login")),
    Case(
        "credentials of the local platform", shell(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test"),
        "promote --env dev", ("dummy ones, made for the local platform", "sign in to the account"),
    ),
    Case(
        "credentials of a rehearsal", shell(AWS_ACCESS_KEY_ID="111111111111", AWS_SECRET_ACCESS_KEY="test"),
        "promote --env dev", ("dummy ones, made for the local platform", "sign in to the account"),
    ),
    Case(
        "an endpoint in the shell", shell(AWS_ENDPOINT_URL="http://127.0.0.1:4566"), "promote --env dev",
        ("AWS_ENDPOINT_URL is set", "open a new shell, or unset it"),
    ),
    Case(
        "an endpoint of one service", shell(AWS_ENDPOINT_URL_S3="http://127.0.0.1:4566"), "promote --env dev",
        ("AWS_ENDPOINT_URL_S3 is set", "open a new shell, or unset it"),
    ),
    Case(
        "a profile with an endpoint", all_of(account(Aws(account="999999999999")), profile_with_endpoint),
        "promote --env dev", ("of account 999999999999, but 'dev' is account 111111111111", "sign in to 111111111111"),
    ),
    Case(
        "a profile that is not there", shell(AWS_PROFILE="nobodys"), "promote --env dev",
        ("do not work: The config profile (nobodys) could not be found", "sign in again"),
    ),
    Case(
        "another account", account(Aws(account="999999999999")), "promote --env dev",
        ("of account 999999999999, but 'dev' is account 111111111111", "sign in to 111111111111"),
    ),
    Case(
        "expired credentials", account(Aws(identity="ExpiredToken")), "promote --env dev",
        ("do not work", "ExpiredToken", "sign in again"),
    ),
    Case(
        "a role that can't be assumed",
        all_of(edited(rules_file("dev"), 'role_arn = "arn:aws:iam::111111111111:role/promotes"\n'),
               account(Aws(role="AccessDenied"))),
        "promote --env dev",
        ("role/promotes can't be assumed", "AccessDenied", "sign in as somebody whom it trusts"),
    ),
    Case(
        "buckets that may not be read", account(Aws(s3_status=403)), "promote --env dev",
        ("may not be read, or is of another account", "terraform/modules/delivery_roles"),
    ),
    Case(
        "an account that was never bootstrapped", account(Aws(s3_status=404)), "promote --env dev",
        ("missing: stockroom-dev-state-111111111111", "run `invoke bootstrap --env dev`"),
    ),
    Case(
        "a clock that is wrong", account(Aws(ahead_seconds=3600)), "promote --env dev",
        ("this machine's is 60 minutes behind AWS's", "set the clock"),
    ),
    Case(
        "an AWS that does not answer", proxy_is_dead, "promote --env dev",
        ("the AWS credentials for 'dev' do not work", "proxy", "sign in again"),
    ),
    gets_through("the wrong credentials"),
)  # fmt: skip

REPOSITORY = (
    Case(
        "a file that is changed", edited(FUNCTION, "# more\n"), DEV,
        ("not committed: functions/records/greet/greet.py", "commit or remove it", "nothing was touched: work tree"),
    ),
    Case(
        "a file that git does not know", edited("terraform/stacks/records/new.tf", "# new\n"), DEV,
        ("not committed: terraform/stacks/records/new.tf", "commit or remove it"),
    ),
    Case(
        "a commit that was not pushed", committed({}, push=False), DEV,
        ("is not on branch 'main' of origin", "push it to 'main', the branch that 'dev' is promoted from"),
    ),
    Case(
        "a commit on another branch", on_another_branch, DEV,
        ("is not on branch 'main' of origin", "push it to 'main'"),
    ),
    Case(
        "no remote", remote("rename", "origin", "gone"), DEV,
        ("there is no remote `origin`", "push it to 'main'"),
    ),
    Case(
        "a remote that does not answer", remote("set-url", "origin", "/nowhere/origin.git"), DEV,
        ("origin does not give its branch 'main'", "push it to 'main'"),
    ),
    Case(
        "a remote without the branch", branch_is_gone, DEV,
        ("origin does not give its branch 'main'", "push it to 'main'"),
    ),
    Case("no git clone", no_clone, DEV, ("this is no git clone", "promote from a clone of the repository")),
    gets_through("the wrong commits"),
)  # fmt: skip

AGAIN = "run `invoke e2e` on this commit"
EVIDENCE = (
    Case("no evidence", committed(RELEASE, evidence=False), DEV, ("there is none for release", AGAIN)),
    Case("damaged evidence", damaged_evidence, DEV, ("there is none for release", AGAIN)),
    Case("evidence of another release", of_another_release, DEV, ("it is for release", AGAIN)),
    Case(
        "evidence of some of the tests", evidence(selection=Selection(only="orders")), DEV,
        ("only some of the tests were run", AGAIN),
    ),
    Case("evidence of smoke tests", evidence(selection=Selection(smoke=True)), DEV, ("only some of the tests", AGAIN)),
    Case("evidence of a failed test", evidence(outcomes=ONE_FAILED), DEV, ("1 of 2 tests failed", AGAIN)),
    Case("evidence of a run that broke off", evidence(complete=False), DEV, ("did not run to their end", AGAIN)),
    Case(
        "evidence of a work tree that was changed", evidence(key=None, edit=from_dirty_tree), DEV,
        ("of a work tree with uncommitted changes", AGAIN),
    ),
    Case("evidence of other bundles", evidence(artifacts=OTHER_CODE), DEV, ("other bundles were tested", AGAIN)),
    Case(
        "evidence that is too old", finished(timedelta(days=15)), DEV,
        ("more than 14 days ago", "run `invoke e2e` again"),
    ),
    Case(
        "evidence from the future", finished(timedelta(hours=-2)), DEV,
        ("the evidence is from the future", "set the clock of this machine"),
    ),
    Case(
        "evidence that was edited", evidence(edit=more_tests), DEV,
        ("the evidence was edited, or signed with another key", "STOCKROOM_EVIDENCE_KEY"),
    ),
    Case(
        "evidence signed with another key", evidence(edit=resigned("f" * 64)), PROD,
        ("the evidence was edited, or signed with another key", "STOCKROOM_EVIDENCE_KEY"),
    ),
    Case(
        "evidence that is not signed", evidence(edit=unsigned), PROD,
        ("the evidence is not signed", "with STOCKROOM_EVIDENCE_KEY set, as CI does"),
    ),
    Case(
        "no key to check it with", shell(STOCKROOM_EVIDENCE_KEY=""), PROD,
        ("can't be checked without its key", "set STOCKROOM_EVIDENCE_KEY to the key that `invoke e2e` had"),
    ),
    gets_through("the wrong evidence"),
)  # fmt: skip

PATH = (
    Case(
        "another release in the environment before", committed(RELEASE), PROD,
        ("dev runs release", "promote this one there first: `invoke promote --env dev`"),
    ),
    Case(
        "no release in the environment before", empty_ledger("dev"), PROD,
        ("dev runs no release", "promote this one there first"),
    ),
    Case(
        "a promotion to the environment before that did not end", unfinished_before, PROD,
        ("to dev is unfinished", "bring it to its end first: `invoke promote --env dev`"),
    ),
    Case(
        "no backend", nothing, "promote --env test --rehearse",
        ("missing: stockroom-test-state-222222222222", "run `invoke bootstrap --env test`"),
    ),
    Case(
        "a freeze", committed({rules_file("dev"): FROZEN}), DEV,
        ("frozen from 2020-01-01 00:00 to 2099-01-01 00:00", "--during-freeze"),
        way_out=(f"{DEV} --during-freeze 'the tills are down'",), through=True,
    ),
)  # fmt: skip

BACKEND = (
    Case(
        "no engine", nothing_listens, DEV,
        ("nothing answers at STOCKROOM_ENDPOINT", "start that emulator, or unset STOCKROOM_ENGINE"), through=True,
    ),
    Case(
        "a lock of another machine", locked_by(lambda: FOREIGN), DEV,
        ("another promotion is in progress: `invoke promote --env dev` of ann@elsewhere (process 4711), since then",
         "if it was killed on elsewhere, release its lock with `invoke unlock --promotion 20260101-000000-abcdef`"),
        way_out=("unlock --env dev --promotion 20260101-000000-abcdef --rehearse", DEV),
    ),
    Case(
        "a wrong id for unlock", locked_by(lambda: FOREIGN), "unlock --env dev --promotion x --rehearse",
        ("held by promotion 20260101-000000-abcdef", "invoke unlock --promotion 20260101-000000-abcdef"),
    ),
    Case(
        "a lock of a process that runs here", locked_by(alive), DEV,
        ("another promotion is in progress", "wait for it to end"),
    ),
    Case(
        "a lock of a process that has died here", locked_by(dead), DEV,
        ("left by a promotion that was killed", "taking over from", "runs release"), f"{APPLIED} lock", code=0,
    ),
    Case(
        "a lock that can't be read", state_object(LOCK, "{}"), DEV,
        ("promotions/lock.json is no lock that this version knows", "make sure that nobody promotes"), through=True,
    ),
    Case(
        "Terraform's lock, held by somebody", state_object(STATE_LOCK, STATE_LOCK_CONTENT), DEV,
        ("Error acquiring the state lock", "ann@elsewhere", "5d0f7a3e-0000-0000-0000-000000000000",
         "make sure that nobody works on it", "force-unlock"), REFUSED_LATE, through=True,
    ),
    Case(
        "a ledger that was edited", last_event(lambda event: event.update(format=2)), DEV,
        ("is no event of a ledger that this version knows", "somebody has changed it"),
    ),
    Case(
        "a ledger that is damaged", last_event(lambda _: "not JSON"), "history --env dev --rehearse",
        ("is no event of a ledger that this version knows", "look at its versions in S3"),
    ),
    Case(
        "an event that lacks what it needs", state_object(f"{LEDGER}99999999.json", '{"format": 1}'), DEV,
        ("is no event of a ledger that this version knows", "look at its versions in S3"), through=True,
    ),
)  # fmt: skip

DRIFT = (
    Case(
        "a value changed by hand", greeting_by_hand, DEV,
        ("changed since the last release: records: ~ aws_ssm_parameter.greeting", "--accept-drift"),
        way_out=(f"{DEV} --accept-drift", "drift --env dev --rehearse"),
    ),
    Case(
        "a resource deleted by hand", log_group_deleted, "drift --env dev --rehearse",
        ("+ aws_cloudwatch_log_group.records",), code=2,
        way_out=(f"{DEV} --accept-drift", "drift --env dev --rehearse"),
    ),
)  # fmt: skip

APPROVAL = (
    Case(
        "a digest of another plan", nothing, PROD,
        ("the plan is not the one that was approved", "approved was 000000000000", "`invoke plan --env prod` again"),
        REFUSED_LATE,
    ),
    Case(
        "a plan that has gone stale", greeting_by_hand_in_prod,
        "promote --env prod --rehearse --accept-drift --approve {plan}",
        ("the plan is not the one that was approved", "has changed since"), REFUSED_LATE,
    ),
    Case(
        "another name typed", nothing, "promote --env prod --rehearse",
        ("not approved, so nothing was changed", "the same command asks again"), REFUSED_LATE,
        prompt="type prod", keys="dev\r",
    ),
    Case(
        "Ctrl-C instead of an answer", nothing, "promote --env prod --rehearse",
        ("nothing of prod was changed", "stopped"), REFUSED_LATE, code=130, prompt="type prod", keys="\x03",
    ),
    Case(
        "the right name typed", nothing, "promote --env prod --rehearse", ("runs release",), APPLIED, code=0,
        prompt="type prod", keys="prod\r",
    ),
)  # fmt: skip

PLAN = (
    Case(
        "data that would be destroyed", committed(NO_LOGS), DEV,
        ("the plan destroys what holds data: aws_cloudwatch_log_group.records, aws_s3_bucket.records",
         "--allow-destroy 'aws_cloudwatch_log_group.records' --allow-destroy 'aws_s3_bucket.records'"), REFUSED_LATE,
        way_out=(f"{DEV} {ALLOWED}",), through=True,
    ),
    Case(
        "data that would be replaced",
        changed_file(stack_file("log_group"), "/records", "/other"),
        DEV, ("the plan destroys what holds data", "--allow-destroy 'aws_cloudwatch_log_group.records'"), REFUSED_LATE,
    ),
    Case(
        "a wrong address", nothing, f"{DEV} --allow-destroy aws_s3_bucket.record",
        ("--allow-destroy aws_s3_bucket.record: the plan destroys no such thing", "as the plan does"), REFUSED_LATE,
    ),
    Case(
        "a policy that does not hold",
        all_of(committed(RELEASE), changed_file(stack_file("greeting"), "#checkov:skip=CKV2_AWS_34:No secret.", "")),
        DEV, ("CKV2_AWS_34", "checkov does not pass the plan", "skip the check with a reason"), REFUSED_LATE,
    ),
    Case(
        "invalid Terraform", committed({stack_file("wrong"): 'resource "aws_s3_bucket" {}\n'}), DEV,
        ("of the stack 'records' failed", "Missing name for resource", "the whole output is in"), REFUSED_LATE,
    ),
    Case(
        "a value that a validation refuses", committed({tfvars("dev"): 'greeting = ""\n'}), DEV,
        ("greeting must not be empty", "the whole output is in"), REFUSED_LATE,
    ),
)  # fmt: skip

REFUSED_BY_AWS = """resource "aws_iam_policy" "wrong" {
  name   = "${var.project_name}-${var.environment}-wrong"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Perhaps", Action = "s3:GetObject" }] })
}
"""

APPLY = (
    Case(
        "a resource that the account refuses",
        committed({**RELEASE, stack_file("wrong"): REFUSED_BY_AWS}), DEV,
        ("terraform apply of the stack 'records' failed", "aws_iam_policy.wrong", "records: failed after",
         "stopped at: apply", "goes on from here"), APPLIED, through=True,
    ),
    Case(
        "smoke tests that fail",
        committed({FUNCTION: "def handler(event: object, context: object) -> None: ...\n", SMOKE: BROKEN_TEST}),
        DEV, ("smoke tests failed", "events still reach the versions before", "stopped at: smoke tests"), APPLIED,
        through=True,
    ),
    Case(
        "Ctrl-C in the middle of an apply", committed(EXTRA), DEV,
        ("stopped at: apply", "goes on from here", "run the same command again"), APPLIED, code=130,
        way_out=(DEV,), meanwhile=interrupt, through=True,
    ),
    Case(
        "a network that fails in the middle of an apply", network_that_fails, DEV,
        ("the ledger could not be written", "the lock could not be written", "stopped at: apply"),
        f"{APPLIED} lock", meanwhile=cut_network, way_out=(DEV, "drift --env dev --rehearse"), through=True,
    ),
)  # fmt: skip

ROLLBACK = (
    Case(
        "a rollback with nothing before", one_release_ever("dev"), "rollback --env dev --rehearse",
        ("nothing to roll 'dev' back to", "and no release before that", "promote another commit instead"),
    ),
    Case(
        "a rollback where nothing was ever promoted", nothing, "rollback --env test --rehearse",
        ("nothing was promoted to 'test' yet",),
    ),
    Case(
        "a rollback whose bundle is gone", bundle_is_gone, "rollback --env dev --rehearse",
        ("not in the artifact bucket: greet/", "promote that release again from its commit"), through=True,
    ),
)  # fmt: skip

CODE = (
    Case(
        "a bundle that is another one", other_bundle, DEV,
        ("replaced s3://stockroom-dev-artifacts-111111111111/greet/", "who wrote that version", "are what was tested",
         "runs release"), APPLIED, 0, through=True,
    ),
    Case(
        "a function that was changed by hand", code_by_hand, DEV,
        ("not the code that was tested: stockroom-dev-greet version", "no event reaches it", "stopped at: code"),
        APPLIED, through=True,
    ),
    Case(
        "a file that git was told to overlook", overlooked(FUNCTION, "# more\n"), DEV,
        ("not committed: functions/records/greet/greet.py", "nothing was touched: work tree"),
    ),
)  # fmt: skip

# The last: whatever the accounts held goes with their engine.
END = (
    Case(
        "an engine that dies in the middle of an apply", committed(RELEASE), DEV,
        ("the ledger could not be written", "stopped at: apply"), "everything", meanwhile=kill_engine,
        way_out=("bootstrap --env dev --rehearse", DEV),
    ),
)  # fmt: skip

CASES = [
    *WORDS, *CREDENTIALS, *REPOSITORY, *EVIDENCE, *PATH, *BACKEND, *DRIFT, *APPROVAL, *PLAN, *APPLY, *ROLLBACK,
    *CODE, *END,
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_fault(world: World, case: Case) -> None:
    command = case.command.format(plan=world.plan("prod")) if "{plan}" in case.command else case.command
    with case.broken(world) as variables:
        before = world.contents()
        done = _run(world, case, shlex.split(command), variables)
        after = {} if case.changes == "everything" else world.contents()
        ways = [(way, world.run(*shlex.split(way), shell=variables)) for way in case.way_out]
    said = " ".join(done.output.split())
    assert done.code == case.code, done.output
    assert [words for words in case.says if words not in said] == [], done.output
    assert "Traceback" not in done.output, done.output
    if case.changes != "everything":
        environment = command.partition("--env ")[2].split(" ")[0]
        assert changed(before, after) <= {f"{environment} {kind}" for kind in case.changes.split()}
    for way, ended in ways:
        assert ended.code == 0, f"{way}: exit code {ended.code}\n{ended.output}"
    if case.through:
        world.promote()
        assert world.greeting() == "hello"
        assert len(set(world.live_version())) == 1
        assert not world.is_locked()


def _run(world: World, case: Case, words: list[str], variables: Shell) -> Done:
    if case.keys:
        return world.run_on_terminal(words, case.prompt, case.keys)
    process = world.start(*words, shell=variables)
    with ThreadPoolExecutor(1) as pool:
        try:
            doing = pool.submit(case.meanwhile, world, process) if case.meanwhile else None
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
            if doing:
                doing.result()
        finally:
            process.kill()
    return Done(process.returncode, output)
