from itertools import pairwise
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.stacks import (
    Manifest,
    check_reads,
    default_stacks,
    early_services,
    in_order,
    needs_among,
    read_manifests,
    with_needs,
)

SHOP = {
    "shop": Manifest(needs=("lake", "network"), services=("s3", "apigateway")),
    "lake": Manifest(services=("kinesis", "s3")),
    "network": Manifest(services=("ec2",)),
    "insights": Manifest(needs=("shop",)),
    "alone": Manifest(),
}


def write_stacks(folder: Path, **manifests: str) -> Path:
    for name, content in manifests.items():
        (folder / name).mkdir()
        (folder / name / "stack.toml").write_text(content, encoding="utf-8")
    return folder


def test_each_stack_comes_behind_all_that_it_needs() -> None:
    ordered = in_order(SHOP, SHOP)
    assert sorted(ordered) == sorted(SHOP)
    for name, manifest in SHOP.items():
        assert all(ordered.index(need) < ordered.index(name) for need in manifest.needs)


def test_the_order_is_that_of_names_where_nothing_is_needed() -> None:
    assert in_order({name: Manifest() for name in "cab"}, "cab") == ["a", "b", "c"]


def test_what_was_not_asked_for_is_left_out_of_the_order() -> None:
    assert in_order(SHOP, ["insights", "lake"]) == ["lake", "insights"]


def test_a_need_holds_by_way_of_a_stack_that_was_not_asked_for() -> None:
    assert needs_among(SHOP, ["insights", "lake", "alone"]) == {"alone": [], "lake": [], "insights": ["lake"]}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["alone"], {"alone"}),
        (["shop"], {"shop", "lake", "network"}),
        (["insights", "alone"], {"insights", "shop", "lake", "network", "alone"}),
        ([], set()),
    ],
)
def test_what_is_asked_for_brings_what_it_needs(asked: list[str], found: set[str]) -> None:
    assert with_needs(SHOP, asked) == found


def test_the_stacks_that_are_meant_by_default_are_those_of_the_project_or_all() -> None:
    assert default_stacks(SHOP, ["shop"]) == ["shop"]
    assert default_stacks(SHOP, []) == sorted(SHOP)
    with pytest.raises(StockroomError, match=r"stockroom.toml: stacks: there is no stack 'shoop'"):
        default_stacks(SHOP, ["shop", "shoop"])
    with pytest.raises(StockroomError, match="this project has no stack"):
        default_stacks({}, [])


def test_services_start_in_the_order_of_their_stacks_and_once() -> None:
    services = early_services(SHOP, ["shop", "lake"])
    assert services == ["kinesis", "s3", "apigateway"]


def test_a_stack_without_a_file_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert read_manifests(tmp_path) == {"plain": Manifest()}


def test_a_file_is_read(tmp_path: Path) -> None:
    write_stacks(tmp_path, lake="", shop='description = "the shop"\nneeds = ["lake"]\nservices = ["s3"]\n')
    assert read_manifests(tmp_path)["shop"] == Manifest(description="the shop", needs=("lake",), services=("s3",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("need = []", "terraform/stacks/shop/stack.toml: need: extra inputs are not permitted"),
        ('needs = "lake"', "terraform/stacks/shop/stack.toml: needs: input should be a valid tuple"),
        ("needs = [7]", "terraform/stacks/shop/stack.toml: needs.0: input should be a valid string"),
        ("needs = [", "terraform/stacks/shop/stack.toml is not TOML: "),
        ('needs = ["sea"]', "terraform/stacks/shop/stack.toml: needs: there is no stack 'sea'"),
        ('needs = ["shop"]', "stacks wait for each other: shop needs shop"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    write_stacks(tmp_path, lake="", shop=content)
    with pytest.raises(StockroomError) as error:
        read_manifests(tmp_path)
    assert error.value.message.startswith(said)
    assert error.value.hint


def test_a_circle_is_told_in_the_order_of_the_needs(tmp_path: Path) -> None:
    write_stacks(tmp_path, a='needs = ["b"]', b='needs = ["c"]', c='needs = ["a"]')
    with pytest.raises(StockroomError) as error:
        read_manifests(tmp_path)
    names = error.value.message.removeprefix("stacks wait for each other: ").split(" needs ")
    assert names[0] == names[-1]
    assert sorted(names[1:]) == ["a", "b", "c"]
    assert all({"a": "b", "b": "c", "c": "a"}[one] == other for one, other in pairwise(names))


def test_the_stacks_of_this_repository_are_described() -> None:
    for name, manifest in read_manifests().items():
        assert manifest.description, name
        assert manifest.services, name


READING = {
    "its state": 'data "terraform_remote_state" "lake" {\n  config = { key = "lake/terraform.tfstate" }\n}',
    "a parameter": 'data "aws_ssm_parameter" "b" {\n  name = "/${var.project_name}/${var.environment}/lake/bucket"\n}',
}


@pytest.mark.parametrize("code", READING.values(), ids=list(READING))
def test_what_a_stack_reads_of_another_it_has_to_need(tmp_path: Path, code: str) -> None:
    folder = write_stacks(tmp_path, lake="", shop="", insights='needs = ["shop"]', open='needs = ["lake"]')
    for stack in ("shop", "open"):
        (folder / stack / "reads.tf").write_text(code)
    manifests = read_manifests(folder)
    check_reads(manifests, ["open", "lake", "insights"], folder)
    with pytest.raises(StockroomError) as error:
        check_reads(manifests, ["shop"], folder)
    assert error.value.message == "terraform/stacks/shop reads what the stack 'lake' publishes, and does not need it"
    assert error.value.hint == 'add "lake" to needs in terraform/stacks/shop/stack.toml'


def test_what_a_stack_publishes_itself_is_its_own(tmp_path: Path) -> None:
    folder = write_stacks(tmp_path, lake="")
    (folder / "lake" / "main.tf").write_text('name = "/a/b/lake/bucket"')
    check_reads(read_manifests(folder), ["lake"], folder)
