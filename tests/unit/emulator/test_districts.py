"""Which folders of the plugins may import which, and what the table of AWS services says of their folders."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.project import ROOT

from .plugin import FOLDER, load

PLUGIN = FOLDER.name
SERVICES = FOLDER / "services"
EMULATION = ROOT / "emulation" / "src" / "stockroom_emulation"
MINISTACK = ROOT / "ministack" / "plugin" / "src" / "stockroom_ministack"

# What else than itself a district imports; modules of the top level that begin something may import all.
DISTRICTS = {
    "settings": set(),
    "lifecycle": set(),
    "backends": {"lifecycle", "settings"},
    "doors": {"settings"},
    "runtime": {"lifecycle"},
    "state": {"lifecycle"},
    "services": {"backends", "doors", "lifecycle", "runtime", "settings", "state"},
}
BEGINNINGS = {"__init__", "__main__", "install", "start"}

# What a service needs of another one: metrics, queues, streams and deliveries have one home each.
SERVICES_OF_SERVICES = {
    "dynamodbstreams": {"dynamodb"},
    "lambda_": {"cloudwatch", "dynamodbstreams", "kinesis", "sqs"},
    "scheduler": {"events"},
    "sqs": {"cloudwatch"},
}


def modules() -> dict[str, Path]:
    """Files of the plugin by their names below it, such as `services.sqs.provider`."""
    found = {}
    for file in FOLDER.rglob("*.py"):
        parts = file.relative_to(FOLDER).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = file
    return found


def imported(file: Path) -> Iterator[str]:
    """Full names of what a module imports anywhere in it, with the names that are taken out of modules."""
    package = ".".join(file.relative_to(FOLDER.parent).parent.parts) if file.is_relative_to(FOLDER) else ""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def arrows() -> dict[str, set[str]]:
    """The plugin's modules that each of them imports."""
    known = modules()
    found: dict[str, set[str]] = {name: set() for name in known}
    for name, file in known.items():
        for full in imported(file):
            if full.startswith(f"{PLUGIN}."):
                below = full.removeprefix(f"{PLUGIN}.")
                found[name].add(below if below in known else below.rpartition(".")[0])
    return found


ARROWS = arrows()


def district(module: str) -> str:
    return module.partition(".")[0]


def test_every_folder_is_a_district() -> None:
    assert {district(module) for module in ARROWS} - BEGINNINGS == set(DISTRICTS)


@pytest.mark.parametrize("name", DISTRICTS)
def test_a_district_imports_what_is_below_it(name: str) -> None:
    upward = {
        f"{module} → {target}"
        for module, targets in ARROWS.items()
        for target in targets
        if district(module) == name and district(target) not in {name, *DISTRICTS[name]}
    }
    assert not upward


def test_services_import_each_other_only_where_declared() -> None:
    def service(module: str) -> str | None:
        """Whose folder the module is in; None for what is beside the folders."""
        parts = module.split(".")
        return parts[1] if len(parts) > 1 and parts[0] == "services" and (SERVICES / parts[1]).is_dir() else None

    found: dict[str, set[str]] = {}
    for module, targets in ARROWS.items():
        for target in targets:
            if (one := service(module)) and (other := service(target)) and one != other:
                found.setdefault(one, set()).add(other)
    assert found == SERVICES_OF_SERVICES


def test_no_module_imports_itself_by_way_of_others() -> None:
    done: set[str] = set()

    def follow(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join([*way[way.index(module) :], module])
        if module not in done:
            for target in sorted(ARROWS.get(module, ())):
                follow(target, (*way, module))
            done.add(module)

    for module in ARROWS:
        follow(module, ())


@pytest.mark.parametrize("file", sorted(EMULATION.glob("*.py")), ids=lambda file: file.name)
def test_what_both_emulators_need_imports_the_standard_library_only(file: Path) -> None:
    packages = {name.partition(".")[0] for name in imported(file)}
    assert packages <= {*sys.stdlib_module_names, EMULATION.name}


@pytest.mark.parametrize("file", sorted(MINISTACK.rglob("*.py")), ids=lambda file: file.name)
def test_ministack_imports_nothing_of_the_other_plugin(file: Path) -> None:
    assert not [name for name in imported(file) if name.startswith(PLUGIN)]


def test_the_table_of_services_says_what_is_in_their_folders() -> None:
    table = load("services.table")
    parts = {"provider.py": "OURS", "answers.py": "has_answers", "state.py": "has_state"}
    told = {
        service.package.rpartition(".")[2]: {
            file
            for file, name in parts.items()
            if (service.origin.name == name if name.isupper() else getattr(service, name))
        }
        for service in table.SERVICES
    }
    there: dict[str, set[str]] = {}
    for folder in (path for path in SERVICES.iterdir() if (path / "__init__.py").exists()):
        there[folder.name] = {file for file in parts if (folder / file).exists()}
    assert {name: files for name, files in told.items() if files} == there


def test_the_table_has_each_service_once_and_in_order() -> None:
    names = [service.name for service in load("services.table").SERVICES]
    assert names == sorted(set(names))
