import re
from dataclasses import replace
from pathlib import Path

import pytest

from stockroom.releases.artifacts import Artifact
from stockroom.releases.code import work_tree
from stockroom.releases.release import Release, read_release, release_digest
from stockroom.system.git import parse_status

FILES = {"terraform/modules/sqs/main.tf": b"resource", "functions/x/x.py": b"def handler"}
CAPTURE = Artifact("bundles", "lake", "capture_sales", "aa", Path("1.zip"))
ORDERS = Artifact("bundles", "lake", "process_orders", "bb", Path("2.zip"))
LAYER = Artifact("layers", "lake", "pyarrow", "cc", Path("3.zip"))
ARTIFACTS = (CAPTURE, ORDERS, LAYER)
DIGEST = release_digest(FILES, ARTIFACTS)


def test_the_digest_is_a_sha256() -> None:
    assert re.fullmatch("[0-9a-f]{64}", DIGEST)


def test_one_byte_one_name_or_one_artifact_changes_the_digest() -> None:
    assert release_digest(FILES | {"functions/x/x.py": b"def handlar"}, ARTIFACTS) != DIGEST
    assert release_digest({"terraform/modules/sqs/main.tf": b"resource"}, ARTIFACTS) != DIGEST
    assert release_digest(FILES | {"new": b""}, ARTIFACTS) != DIGEST
    renamed = {name.replace("sqs", "sns"): content for name, content in FILES.items()}
    assert release_digest(renamed, ARTIFACTS) != DIGEST
    swapped = dict(zip(FILES, reversed(FILES.values()), strict=True))
    assert release_digest(swapped, ARTIFACTS) != DIGEST
    others = [
        (CAPTURE, LAYER),
        (CAPTURE, replace(ORDERS, sha256="bc"), LAYER),
        (CAPTURE, ORDERS),
        (CAPTURE, ORDERS, replace(LAYER, sha256="cd")),
        (CAPTURE, ORDERS, replace(LAYER, kind="bundles")),
        (CAPTURE, replace(ORDERS, stack="shop"), LAYER),
    ]
    assert DIGEST not in {release_digest(FILES, other) for other in others}


def test_of_two_stacks_with_a_function_of_one_name_each_decides_over_the_digest() -> None:
    one, other = replace(CAPTURE, stack="shop", sha256="dd"), replace(CAPTURE, stack="shop", sha256="ee")
    assert len({release_digest(FILES, found) for found in ((CAPTURE, one), (CAPTURE, other), (one, other))}) == 3
    swapped = (replace(CAPTURE, sha256="dd"), replace(one, sha256="aa"))
    assert release_digest(FILES, (CAPTURE, one)) != release_digest(FILES, swapped)


def test_order_and_place_change_nothing() -> None:
    elsewhere = [replace(one, path=Path("/elsewhere.zip")) for one in reversed(ARTIFACTS)]
    assert release_digest(dict(reversed(FILES.items())), elsewhere) == DIGEST


def test_the_release_of_this_work_tree() -> None:
    release = read_release(ARTIFACTS, work_tree())
    assert release.digest == read_release(ARTIFACTS, work_tree()).digest
    assert release.digest != read_release((), work_tree()).digest
    assert release.commit is None or re.fullmatch("[0-9a-f]{40}", release.commit)


def test_a_release_is_shown_in_a_few_words() -> None:
    assert str(Release(DIGEST, None, False)) == DIGEST[:12]
    assert str(Release(DIGEST, "c" * 40, False)) == f"{DIGEST[:12]} (commit cccccccccccc)"
    assert str(Release(DIGEST, "c" * 40, True)) == f"{DIGEST[:12]} (commit cccccccccccc, with uncommitted changes)"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("# branch.oid 5428eb8f\n# branch.head main\n", ("5428eb8f", False)),
        (
            "# branch.oid 5428eb8f\n# branch.head main\n1 .M N... 100644 100644 100644 1 2 tasks.py\n",
            ("5428eb8f", True),
        ),
        ("# branch.oid 5428eb8f\n# branch.head (detached)\n? new.py\n", ("5428eb8f", True)),
        ("# branch.oid (initial)\n# branch.head main\n? new.py\n", (None, False)),
        ("", (None, False)),
    ],
)
def test_what_git_tells(status: str, expected: tuple[str | None, bool]) -> None:
    assert parse_status(status) == expected
