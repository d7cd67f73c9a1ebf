from dataclasses import fields, replace
from pathlib import Path

import pytest

from stockroom.snapshots.keys import (
    Parts,
    digest_of,
    first_choice,
    fits_emulator,
    may_begin,
    on_emulator,
)
from tests.unit.toolkit.snapshot_headers import PARTS as WANTED

BEFORE = replace(WANTED, release="release 1")
ELDER = replace(WANTED, release="release 0")


def changed(name: str) -> Parts:
    """The wanted parts but for one of them."""
    other = {"format": 3, "stacks": ("other",), "seeds": {"data_platform": "other"}}
    return Parts(**{**vars(WANTED), name: other.get(name, "other")})


@pytest.mark.parametrize("name", [field.name for field in fields(Parts)])
def test_every_part_decides_over_the_key(name: str) -> None:
    assert changed(name).key != WANTED.key


@pytest.mark.parametrize(
    ("available", "choice"),
    [
        ([BEFORE.unseeded(), WANTED.unseeded(), WANTED], WANTED),
        ([BEFORE.unseeded(), WANTED.unseeded()], WANTED.unseeded()),
        ([BEFORE.unseeded(), ELDER.unseeded()], BEFORE.unseeded()),
        ([BEFORE], None),
        ([replace(WANTED, seeds={"data_platform": "another"})], None),
        ([replace(WANTED, seeds={"data_platform": "another"}).unseeded()], WANTED.unseeded()),
        ([], None),
    ],
)
def test_first_choice(available: list[Parts], choice: Parts | None) -> None:
    assert first_choice(WANTED, available) == choice
    # Before the release is known.
    assert may_begin(replace(WANTED, release=""), available) >= (choice is not None)


@pytest.mark.parametrize("name", [field.name for field in fields(Parts) if field.name not in {"release", "seeds"}])
def test_nothing_is_begun_with_that_another_emulator_or_toolkit_made(name: str) -> None:
    other = changed(name)
    available = [other, other.unseeded(), replace(other, release="release 1").unseeded()]
    assert first_choice(WANTED, available) is None
    assert not may_begin(WANTED, available)


def test_an_unseeded_platform_never_begins_with_data() -> None:
    assert first_choice(WANTED.unseeded(), [WANTED, BEFORE]) is None
    assert not WANTED.unseeded().seeded


def test_a_state_fits_an_emulator_whatever_is_deployed_in_it() -> None:
    other = replace(WANTED, release="x", seeds={"z": "y"}, stacks=("z",), toolkit="t", terraform="u")
    assert fits_emulator(WANTED, other)
    assert not fits_emulator(WANTED, replace(WANTED, endpoint="http://127.0.0.1:4567"))
    assert not fits_emulator(WANTED, replace(WANTED, plugin="other"))
    assert fits_emulator(WANTED, on_emulator(WANTED, other))


def test_a_digest_is_over_names_and_contents(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    digest = digest_of([one, two], tmp_path)
    assert digest == digest_of([two, one], tmp_path)
    two.write_text("3")
    assert digest != digest_of([one, two], tmp_path)
    two.write_text("2")
    three = two.rename(tmp_path / "three")
    assert digest != digest_of([one, three], tmp_path)


ALL = replace(WANTED, stacks=("one", "three", "two"), seeds={"one": "sample", "two": "sample"})
TWO = replace(ALL, stacks=("one", "two"))
ONE = replace(ALL, stacks=("one",), seeds={"one": "sample"})


@pytest.mark.parametrize(
    ("available", "choice"),
    [
        ([ONE, TWO], TWO),
        ([ONE, TWO.unseeded()], TWO.unseeded()),
        ([ONE.unseeded(), ONE], ONE),
        ([replace(TWO, seeds={"one": "another"}), ONE], ONE),
        ([replace(ONE, stacks=("four", "one")), replace(ONE, release="release 1")], None),
        ([replace(TWO, release="release 1").unseeded(), ONE], ONE),
        ([replace(ONE, release="release 1").unseeded(), replace(TWO, release="release 1").unseeded()], "the second"),
        ([replace(ALL, stacks=(), seeds={})], None),
    ],
)
def test_the_nearest_set_of_stacks_is_the_start(available: list[Parts], choice: Parts | str | None) -> None:
    assert first_choice(ALL, available) == (available[1] if choice == "the second" else choice)
