from pathlib import Path

from stockroom.settings import Settings
from stockroom.snapshots.sources import read_parts
from stockroom.stacks import Manifest
from stockroom.terraform.binary import Binary

BINARY = Binary(Path("/bin/tofu"), "1.10.1")
MANIFESTS = {"one": Manifest(seeder="seed.seeder:RetailSeeder"), "two": Manifest()}


def test_parts_of_this_checkout(settings: Settings) -> None:
    parts = read_parts(settings, BINARY, ["two", "one"], "release", {"one": "data"}, MANIFESTS)
    assert parts == read_parts(settings, BINARY, ["one", "two"], "release", {"one": "data"}, MANIFESTS)
    assert (parts.terraform, parts.stacks, parts.endpoint) == ("tofu 1.10.1", ("one", "two"), settings.local_endpoint)
    assert len({parts.emulator, parts.plugin, parts.toolkit}) == 3
    assert parts != read_parts(settings, BINARY, ["one"], "release", {"one": "data"}, MANIFESTS)
    other_port = settings.model_copy(update={"port": settings.port + 1})
    assert parts != read_parts(other_port, BINARY, ["one", "two"], "release", {"one": "data"}, MANIFESTS)


def test_what_seeds_is_a_part_whether_its_stack_is_deployed_or_not(settings: Settings) -> None:
    without = {"one": Manifest(), "two": Manifest()}
    parts = [read_parts(settings, BINARY, ["two"], "release", {}, manifests) for manifests in (MANIFESTS, without)]
    assert parts[0].toolkit != parts[1].toolkit
