"""Two stacks with the same names everywhere are promoted side by side and kept apart, whatever happens on the way.

Each test goes on from where the one before it left the account, and can be run alone.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from stockroom.releases.artifact_bucket import hex_of
from tests.promotions.breakages import rules_file, tfvars
from tests.promotions.two_stacks import FUNCTIONS, OTHER, both_stacks, code, function_path, no_second_stack, stack_path
from tests.promotions.world import COMMAND_SECONDS, STACK, World, wait_until

PROMOTE = ("promote", "--env", "dev", "--rehearse")
STACKS = (OTHER, STACK)
APPLIED = re.compile(r"\d+ added, \d+ changed, \d+ destroyed")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("two"))
    try:
        world.lay_out("dev")
        world.base = world.commit(both_stacks())
        (world.folder / "first.log").write_text(world.promote())
        yield world
    finally:
        world.take_down()


def change_both(world: World, word: str) -> str:
    return world.commit({function_path(stack): code(stack, word) for stack in STACKS})


def deployed(world: World, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = world.client("lambda").get_function(
        FunctionName=f"stockroom-dev-{FUNCTIONS[stack]}", Qualifier="live"
    )
    return found


def live(world: World) -> dict[str, tuple[str, str]]:
    """Version behind the alias and newest version, by stack."""
    return {stack: world.live_version("dev", FUNCTIONS[stack]) for stack in STACKS}


def check_runs(world: World) -> None:
    """What runs of each stack is what the release's own evidence says of that stack."""
    release = world.release()
    digest = release["release"]["digest"]
    assert json.loads(world.evidence_file(digest).read_text())["artifacts"] == release["artifacts"]
    assert world.history()[-1].result == "succeeded"
    assert world.history()[-1].digest == digest
    assert world.history()[-1].artifacts == release["artifacts"]
    functions = world.client("lambda")
    for stack in STACKS:
        tested = release["artifacts"][stack]
        configuration = deployed(world, stack)["Configuration"]
        (layer,) = configuration["Layers"]
        content = functions.get_layer_version_by_arn(Arn=layer["Arn"])["Content"]
        assert hex_of(configuration["CodeSha256"]) == tested["bundles"]["greet"]
        assert hex_of(content["CodeSha256"]) == tested["layers"]["words"]
    assert all(alias == newest for alias, newest in live(world).values())
    assert not world.is_locked()


def test_both_are_promoted_and_kept_apart(two: World) -> None:
    printed = (two.folder / "first.log").read_text()
    for step in ("plan", "apply"):
        assert {f"{step} {stack}" for stack in STACKS} <= {" ".join(line.split()[1:3]) for line in printed.splitlines()}
    check_runs(two)
    artifacts = two.release()["artifacts"]
    assert artifacts[STACK]["bundles"] != artifacts[OTHER]["bundles"]
    assert artifacts[STACK]["layers"] != artifacts[OTHER]["layers"]
    secrets = two.client("secretsmanager")
    values = {secrets.get_secret_value(SecretId=f"stockroom-dev-{stack}-key")["SecretString"] for stack in STACKS}
    assert len(values) == 2
    (one,) = json.loads(two.succeed("history", "--env", "dev", "--rehearse", "--json"))
    assert all(APPLIED.fullmatch(one["stacks"][stack]) for stack in STACKS)
    assert two.run("drift", "--env", "dev", "--rehearse").code == 0


def test_a_change_of_both_shifts_both(two: World) -> None:
    before = live(two)
    change_both(two, "good day")
    printed = " ".join(two.promote().split())
    for stack, (_, newest) in live(two).items():
        assert f"{stack}/greet {before[stack][0]} → {newest}" in printed
    check_runs(two)


def test_killed_between_two_shifts_it_is_gone_on_with(two: World) -> None:
    before = live(two)
    change_both(two, "good night")
    log = two.folder / "killed.log"
    with log.open("w") as file:
        process = two.start(*PROMOTE, stdout=file)
        wait_until(lambda: "✓ code" in log.read_text(), seconds=COMMAND_SECONDS)
        process.send_signal(signal.SIGKILL)
        process.wait()
    newest = {stack: versions[1] for stack, versions in live(two).items()}
    assert {stack: versions[0] for stack, versions in live(two).items()} == {one: before[one][0] for one in STACKS}
    # It would have shifted both within milliseconds. As it leaves the account between the two:
    two.client("lambda").update_alias(
        FunctionName=f"stockroom-dev-{FUNCTIONS[STACK]}", Name="live", FunctionVersion=newest[STACK]
    )
    assert two.is_locked()
    assert two.history()[-1].finished is None
    printed = " ".join(two.succeed(*PROMOTE).split())
    assert "which was killed" in printed
    assert f"{OTHER}/greet {before[OTHER][0]} → {newest[OTHER]}" in printed
    assert f"{STACK}/greet" not in printed
    check_runs(two)


WRONG = {
    stack_path(OTHER, "wrong.tf"): 'resource "aws_iam_policy" "wrong" {\n'
    '  name   = "stockroom-wrong"\n'
    '  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Perhaps", Action = "s3:GetObject" }] })\n'
    "}\n"
}


def test_one_that_fails_lets_the_other_finish_and_is_gone_on_with(two: World) -> None:
    before = live(two)
    two.commit(WRONG | {tfvars("dev"): 'greeting = "good evening"\n', function_path(STACK): code(STACK, "bye")})
    done = two.run(*PROMOTE)
    said = " ".join(done.output.split())
    assert done.code == 1
    assert f"terraform apply of the stack '{OTHER}' failed; done: {STACK}" in said
    assert f"{OTHER}: failed after" in said
    assert "stopped at: apply" in said
    assert two.greeting() == "good evening"
    last = two.history()[-1]
    assert (last.result, last.step) == ("failed", "apply")
    assert APPLIED.fullmatch(last.stacks[STACK])
    assert last.stacks[OTHER].startswith("failed after")
    # Neither is shifted before both are applied and tested.
    assert {stack: alias for stack, (alias, _) in live(two).items()} == {stack: one[0] for stack, one in before.items()}
    two.commit(dict.fromkeys(WRONG))
    two.promote()
    check_runs(two)


READS = """data "aws_ssm_parameter" "told" {
  name = "/stockroom/${var.environment}/told"
}

resource "aws_ssm_parameter" "copy" {
  #checkov:skip=CKV2_AWS_34:No secret.
  name  = "/stockroom/${var.environment}/copy"
  type  = "String"
  value = data.aws_ssm_parameter.told.value
}
"""
TELLS = """resource "aws_ssm_parameter" "told" {
  #checkov:skip=CKV2_AWS_34:No secret.
  name  = "/stockroom/${var.environment}/told"
  type  = "String"
  value = var.greeting
}
"""
READING = {
    stack_path(STACK, "told.tf"): TELLS,
    stack_path(OTHER, "reads.tf"): READS,
    stack_path(OTHER, "stack.toml"): f'needs = ["{STACK}"]\n',
}
TYPED = 'branch = "main"\napproval = "typed"\nsigned_evidence = true\nevidence_days = 7\n'


def value(world: World, name: str) -> str:
    return str(world.client("ssm").get_parameter(Name=f"/stockroom/dev/{name}")["Parameter"]["Value"])


def test_a_plan_that_is_known_later_wants_an_approval_of_its_own(two: World) -> None:
    two.commit(READING | {rules_file("dev"): TYPED})
    printed = two.succeed("plan", "--env", "dev", "--rehearse")
    assert f"{OTHER}: known after {STACK} is applied" in printed
    first = two.run(*PROMOTE, "--approve", two.plan("dev"))
    said = " ".join(first.output.split())
    assert first.code == 1
    assert f"the plan of {OTHER} wants an approval of its own" in said
    assert value(two, "told") == two.greeting()
    assert (two.history()[-1].result, two.history()[-1].step) == ("failed", "approval")
    two.succeed(*PROMOTE, "--approve", two.plan("dev"))
    assert value(two, "copy") == two.greeting()
    check_runs(two)


def test_a_value_that_changes_below_a_stack_is_not_applied_as_it_was_before(two: World) -> None:
    """What is planned of the upper stack is no change: only when the lower one is applied there is one."""
    without_approval = {rules_file("dev"): TYPED.replace("typed", "none")}
    if not (two.root / stack_path(OTHER, "reads.tf")).exists():
        two.commit(READING | without_approval)
        two.promote()
    two.commit(without_approval | {tfvars("dev"): 'greeting = "hello again"\n'})
    printed = two.promote()
    assert "became another plan by what was applied meanwhile" in printed
    assert value(two, "told") == value(two, "copy") == "hello again"
    check_runs(two)
    assert two.run("drift", "--env", "dev", "--rehearse").code == 0


def test_a_stack_that_was_removed_is_named_until_it_is_destroyed(two: World) -> None:
    refused = two.run("destroy", "--env", "dev", "--stack", STACK, "--rehearse")
    assert refused.code == 1
    assert f"{STACK} is a stack of release" in refused.output
    two.commit(no_second_stack() | {stack_path(OTHER, name): None for name in ("reads.tf", "stack.toml")})
    line = f"`invoke destroy --env dev --stack {OTHER} --rehearse` removes it"
    for words in (("plan", "--env", "dev", "--rehearse"), PROMOTE):
        assert line in two.succeed(*words)
    drift = two.run("drift", "--env", "dev", "--rehearse")
    assert (drift.code, line in drift.output) == (2, True)
    command = ("destroy", "--env", "dev", "--stack", OTHER, "--rehearse")
    lossy = two.run(*command)
    assert lossy.code == 1
    allowed = re.findall(r"--allow-destroy '(\S+)'", lossy.output)
    assert {"aws_s3_bucket.records", "aws_sqs_queue.jobs", "aws_dynamodb_table.items"} <= set(allowed)
    two.succeed(*command, *(word for address in allowed for word in ("--allow-destroy", address)))
    assert two.run("drift", "--env", "dev", "--rehearse").code == 0
    assert OTHER not in two.succeed("plan", "--env", "dev", "--rehearse")
    names = {one["FunctionName"] for one in two.client("lambda").list_functions()["Functions"]}
    assert names == {f"stockroom-dev-{FUNCTIONS[STACK]}"}
    again = two.run(*command)
    assert (again.code, f"no stack '{OTHER}' is deployed" in again.output) == (1, True)
    last = two.history()[-1]
    assert (last.kind, last.result) == ("destroy", "succeeded")
