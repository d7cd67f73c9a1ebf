import re
from pathlib import Path

from stockroom.bundles import Bundle
from stockroom.releases import Release, read_release, release_digest

FILES = {"terraform/modules/sqs/main.tf": b"resource", "functions/x/x.py": b"def handler"}
BUNDLES = [Bundle("capture_sales", "aa", Path("1.zip")), Bundle("process_orders", "bb", Path("2.zip"))]
DIGEST = release_digest(FILES, BUNDLES)


def test_the_digest_is_a_sha256() -> None:
    assert re.fullmatch("[0-9a-f]{64}", DIGEST)


def test_one_byte_one_name_or_one_bundle_changes_the_digest() -> None:
    assert release_digest(FILES | {"functions/x/x.py": b"def handlar"}, BUNDLES) != DIGEST
    assert release_digest({"terraform/modules/sqs/main.tf": b"resource"}, BUNDLES) != DIGEST
    assert release_digest(FILES | {"new": b""}, BUNDLES) != DIGEST
    renamed = {name.replace("sqs", "sns"): content for name, content in FILES.items()}
    assert release_digest(renamed, BUNDLES) != DIGEST
    swapped = dict(zip(FILES, reversed(FILES.values()), strict=True))
    assert release_digest(swapped, BUNDLES) != DIGEST
    assert release_digest(FILES, BUNDLES[:1]) != DIGEST
    assert release_digest(FILES, [BUNDLES[0], Bundle("process_orders", "bc", Path("2.zip"))]) != DIGEST


def test_order_and_place_change_nothing() -> None:
    elsewhere = [Bundle(bundle.function, bundle.sha256, Path("/elsewhere.zip")) for bundle in reversed(BUNDLES)]
    assert release_digest(dict(reversed(FILES.items())), elsewhere) == DIGEST


def test_the_release_of_this_work_tree() -> None:
    release = read_release(BUNDLES)
    assert release.digest == read_release(BUNDLES).digest
    assert release.digest != read_release([]).digest
    assert release.commit is None or re.fullmatch("[0-9a-f]{40}", release.commit)


def test_a_release_is_shown_in_a_few_words() -> None:
    assert str(Release(DIGEST, None, False)) == DIGEST[:12]
    assert str(Release(DIGEST, "c" * 40, False)) == f"{DIGEST[:12]} (commit cccccccccccc)"
    assert str(Release(DIGEST, "c" * 40, True)) == f"{DIGEST[:12]} (commit cccccccccccc, with uncommitted changes)"
