"""Artifacts of stacks: kept apart by kind, stack and name, and built once for their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockroom.deployed.function_code import DeployedCode, allowed_code, untested
from stockroom.releases import packages, zips
from stockroom.releases.artifacts import (
    Artifact,
    artifacts_of,
    described,
    hashes_in,
    hashes_of,
    stack_variables,
)
from stockroom.releases.build import build_artifacts
from stockroom.releases.code import Code, all_below

LAKE = Artifact("bundles", "lake", "ingest", "ab12" * 16)
LAKE_LAYER = Artifact("layers", "lake", "tables", "cd34" * 16)
SHOP = Artifact("bundles", "shop", "ingest", "ef56" * 16)
SHOP_LAYER = Artifact("layers", "shop", "tables", "0a1b" * 16)
BOTH = (LAKE, LAKE_LAYER, SHOP, SHOP_LAYER)


def test_an_artifact_is_named_by_its_content_in_the_bucket() -> None:
    assert LAKE.key == f"ingest/{LAKE.sha256}.zip"
    assert LAKE.key != SHOP.key


def test_artifacts_are_shown_in_a_few_words() -> None:
    assert described(BOTH[:2]) == "ingest ab12ab12ab12, layer tables cd34cd34cd34"
    assert described(BOTH) == (
        "lake: ingest ab12ab12ab12, layer tables cd34cd34cd34; shop: ingest ef56ef56ef56, layer tables 0a1b0a1b0a1b"
    )
    assert described(()) == ""


def test_equal_names_in_two_stacks_are_kept_apart() -> None:
    assert hashes_of(BOTH) == {
        "lake": {"bundles": {"ingest": LAKE.sha256}, "layers": {"tables": LAKE_LAYER.sha256}},
        "shop": {"bundles": {"ingest": SHOP.sha256}, "layers": {"tables": SHOP_LAYER.sha256}},
    }
    assert artifacts_of(hashes_of(BOTH)) == BOTH


def test_a_stacks_terraform_gets_its_own_by_their_names_there() -> None:
    assert stack_variables(BOTH, "shop") == {"bundles": {"ingest": SHOP.key}, "layers": {"tables": SHOP_LAYER.key}}
    assert stack_variables(BOTH, "empty") == {"bundles": {}, "layers": {}}


def test_what_terraform_was_given_tells_the_hashes() -> None:
    given = {stack: {"artifact_bucket": "b", **stack_variables(BOTH, stack)} for stack in ("empty", "lake", "shop")}
    assert hashes_in(given) == hashes_of(BOTH)


# What may be deployed


@pytest.mark.parametrize(
    ("kind", "sha256", "artifact", "good"),
    [
        ("bundles", LAKE.sha256, "ingest", True),
        ("bundles", SHOP.sha256, "ingest", False),
        ("bundles", SHOP.sha256, None, False),
        ("bundles", LAKE.sha256, None, True),
        ("layers", LAKE_LAYER.sha256, None, True),
        ("layers", SHOP_LAYER.sha256, None, False),
        ("bundles", LAKE_LAYER.sha256, "ingest", False),
    ],
)
def test_a_stack_runs_its_own_code_and_not_that_of_another(kind, sha256, artifact, good) -> None:  # type: ignore[no-untyped-def]
    found = [DeployedCode(kind, "a version", sha256, artifact)]
    assert untested(found, allowed_code(hashes_of(BOTH), "lake", [])) == ([] if good else ["a version"])


def test_a_stack_may_use_the_layers_of_one_that_it_needs() -> None:
    tested = allowed_code(hashes_of(BOTH), "shop", ["lake"])
    assert untested([DeployedCode("layers", "a layer", LAKE_LAYER.sha256)], tested) == []
    assert untested([DeployedCode("bundles", "a version", LAKE.sha256, "ingest")], tested) == ["a version"]


# Building


class TwoStacks:
    """`lake` and `shop`, each with a function `ingest` and a layer `tables`, whose packages come from no registry."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.installed: list[bytes] = []
        monkeypatch.setattr(zips, "ZIPS_DIR", folder / "artifacts")
        monkeypatch.setattr(packages, "run_uv", self._install)
        for stack in ("lake", "shop"):
            self.write(f"{stack}/ingest/ingest.py", f"STACK = '{stack}'\n")

    def _install(self, *words: str | Path, what: str) -> None:
        lock = Path(words[-1]).read_bytes()
        self.installed.append(lock)
        package = Path(words[words.index("--target") + 1]) / "tables"
        package.mkdir(parents=True)
        (package / "__init__.py").write_bytes(lock)

    def write(self, name: str, text: str) -> None:
        path = self.folder / "functions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def lock(self, stack: str, text: str, layer: str = "tables") -> None:
        self.write(f"{stack}/layers/{layer}/requirements.txt", text)

    @property
    def code(self) -> Code:
        return all_below(self.folder)

    def build(self) -> dict[tuple[str, str, str], Artifact]:
        return {(one.kind, one.stack, one.name): one for one in build_artifacts(["lake", "shop"], self.code)}


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TwoStacks:
    return TwoStacks(tmp_path, monkeypatch)


def test_functions_of_one_name_are_two_bundles(stacks: TwoStacks) -> None:
    built = stacks.build()
    assert list(built) == [("bundles", "lake", "ingest"), ("bundles", "shop", "ingest")]
    assert len({one.sha256 for one in built.values()}) == 2
    assert stacks.build() == built


def test_layers_of_one_name_with_other_requirements_are_two(stacks: TwoStacks) -> None:
    stacks.lock("lake", "tables==1 --hash=x")
    stacks.lock("shop", "tables==2 --hash=y")
    built = stacks.build()
    assert built["layers", "lake", "tables"].sha256 != built["layers", "shop", "tables"].sha256
    assert sorted(stacks.installed) == [b"tables==1 --hash=x", b"tables==2 --hash=y"]
    assert stacks.build() == built
    assert len(stacks.installed) == 2


@pytest.mark.parametrize("name", ["tables", "another_name"])
def test_a_layer_that_two_stacks_use_is_built_once(stacks: TwoStacks, name: str) -> None:
    stacks.lock("lake", "tables==1 --hash=x")
    stacks.lock("shop", "tables==1 --hash=x", layer=name)
    built = stacks.build()
    first, second = built["layers", "lake", "tables"], built["layers", "shop", name]
    assert first.sha256 == second.sha256
    assert first.path == second.path
    assert stacks.installed == [b"tables==1 --hash=x"]
