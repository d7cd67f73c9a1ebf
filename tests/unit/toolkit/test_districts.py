"""The toolkit's districts import downward only, and know nothing of the business that is their guest."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "stockroom"

# From the top: a district (a folder, or a module at the root) imports only what stands below it.
DISTRICTS = """
    tasks
    promotion foreign audit scaffolding cleaning
    testing
    local
    snapshots
    redrive
    deployed
    engines
    terraform
    releases
    bootstrap stacks picture
    seeder side_by_side console
    explain stored
    aws
    guarded_clients environments
    system
    settings
    project
    toolkit typed_toml
    errors
"""
LEVELS = {name: level for level, line in enumerate(DISTRICTS.strip().splitlines()) for name in line.split()}

# Words of the retail business, which stands beside the toolkit (seed/, fixtures/, functions/, terraform/stacks/).
RETAIL = re.compile(
    r"\b(retail|sales?|orders|customers?|products|invoices?|inventory|restock\w*|curat\w+|baskets?|prices?|shops?)\b",
    re.IGNORECASE,
)


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        if not {"own_files", "templates"}.intersection(path.parts) and name != "__init__":
            yield name, path


MODULES = list(_modules())


def district(module: str) -> str:
    return module.split("/", maxsplit=1)[0]


def imported(path: Path) -> Iterator[str]:
    """Districts that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "stockroom":
            yield from (alias.name for alias in node.names if alias.name in LEVELS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stockroom."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("stockroom."))


def test_every_district_has_its_level() -> None:
    assert {district(name) for name, _ in MODULES} == LEVELS.keys()


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_imports_run_downward(name: str, path: Path) -> None:
    own = district(name)
    upward = [other for other in imported(path) if other != own and LEVELS[other] <= LEVELS[own]]
    assert not upward, f"{name} imports {', '.join(upward)}, which stands beside or above it"


@pytest.mark.parametrize("path", [path for _, path in MODULES], ids=[name for name, _ in MODULES])
def test_no_word_of_the_business(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [f"{number}: {line}" for number, line in enumerate(lines, 1) if RETAIL.search(line)]
    assert not found, "\n".join(found)


def test_no_engine_is_known_by_its_name() -> None:
    compared = re.compile(r"engine(\.name)?\)? *(==|!=|\bin\b) *[\"'(\[{]")
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if compared.search(line)
    ]
    assert not found
