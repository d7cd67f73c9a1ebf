import re
from pathlib import Path

import pytest

from stockroom.releases.bundles import Artifact, Artifacts
from stockroom.releases.code import work_tree
from stockroom.releases.release import Release, read_release, release_digest
from stockroom.system.git import parse_status

FILES = {"terraform/modules/sqs/main.tf": b"resource", "functions/x/x.py": b"def handler"}
BUNDLES = [Artifact("capture_sales", "aa", Path("1.zip")), Artifact("process_orders", "bb", Path("2.zip"))]
LAYERS = [Artifact("pyarrow", "cc", Path("3.zip"))]
ARTIFACTS = Artifacts(BUNDLES, LAYERS)
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
    assert release_digest(FILES, Artifacts(BUNDLES[:1], LAYERS)) != DIGEST
    other = Artifact("process_orders", "bc", Path("2.zip"))
    assert release_digest(FILES, Artifacts([BUNDLES[0], other], LAYERS)) != DIGEST
    assert release_digest(FILES, Artifacts(BUNDLES, [])) != DIGEST
    assert release_digest(FILES, Artifacts(BUNDLES, [Artifact("pyarrow", "cd", Path("3.zip"))])) != DIGEST
    assert release_digest(FILES, Artifacts([*BUNDLES, *LAYERS], [])) != DIGEST


def test_order_and_place_change_nothing() -> None:
    elsewhere = [Artifact(bundle.name, bundle.sha256, Path("/elsewhere.zip")) for bundle in reversed(BUNDLES)]
    assert release_digest(dict(reversed(FILES.items())), Artifacts(elsewhere, LAYERS)) == DIGEST


def test_the_release_of_this_work_tree() -> None:
    release = read_release(ARTIFACTS, work_tree())
    assert release.digest == read_release(ARTIFACTS, work_tree()).digest
    assert release.digest != read_release(Artifacts([], []), work_tree()).digest
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
