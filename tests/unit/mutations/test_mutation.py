import ast
from dataclasses import replace
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.releases.bundles import FUNCTIONS_DIR, function_names
from stockroom.releases.code import work_tree
from tests.mutations.catalogue import CATALOGUE
from tests.mutations.mutation import Mutation, chosen, edited, mutated_copy

FUNCTIONS = FUNCTIONS_DIR / "data_platform"

MUTATION = Mutation("less", "sell", "sells less", "sell/stock.py", "+ 1", "+ 0", ("test_sell.py::test_it",))
SOURCE = "def sell(stock: int) -> int:\n    return stock + 1\n"


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    assert edited(SOURCE, MUTATION) == "def sell(stock: int) -> int:\n    return stock + 0\n"


@pytest.mark.parametrize(("source", "found"), [("", 0), (SOURCE * 2, 2)])
def test_an_edit_that_does_not_fit_is_an_error(source: str, found: int) -> None:
    with pytest.raises(StockroomError, match=f"less does not fit sell/stock.py: its old text is there {found} times"):
        edited(source, MUTATION)


def test_an_edit_that_is_no_python_is_an_error() -> None:
    with pytest.raises(StockroomError, match=r"less is no Python: .*stock\.py, line 2"):
        edited(SOURCE, replace(MUTATION, new="+"))


def test_a_copy_has_the_edit_and_the_sources_do_not(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    for name in ("sell/stock.py", "sell/__pycache__/stock.pyc", "shared.py", "layers/big/requirements.txt"):
        (functions / name).parent.mkdir(parents=True, exist_ok=True)
        (functions / name).write_text(SOURCE)
    copy = mutated_copy(functions, MUTATION, tmp_path / "copy")
    assert copy == tmp_path / "copy" / "sell"
    files = {path.relative_to(tmp_path / "copy"): path.read_text() for path in copy.parent.rglob("*.py*")}
    assert files == {Path("sell/stock.py"): edited(SOURCE, MUTATION), Path("shared.py"): SOURCE}
    assert (functions / "sell/stock.py").read_text() == SOURCE


def test_mutations_are_chosen_by_their_names_or_by_their_functions() -> None:
    catalogue = [replace(MUTATION, name=name, function=function) for name, function in ("ax", "bx", "cy")]
    assert chosen(catalogue, []) == catalogue
    assert [each.name for each in chosen(catalogue, ["c", "a"])] == ["a", "c"]
    assert [each.name for each in chosen(catalogue, ["x", "a"])] == ["a", "b"]
    with pytest.raises(StockroomError, match="there is no mutation 'z'"):
        chosen(catalogue, ["a", "z"])


@pytest.mark.parametrize("mutation", CATALOGUE, ids=[each.name for each in CATALOGUE])
def test_every_mutation_fits_its_function_and_names_tests_that_there_are(mutation: Mutation) -> None:
    source = (FUNCTIONS / mutation.file).read_text()
    assert ast.dump(ast.parse(edited(source, mutation))) != ast.dump(ast.parse(source))
    assert "/" not in mutation.file or mutation.file.startswith(f"{mutation.function}/")
    assert mutation.tests
    for test in mutation.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / "tests" / "e2e" / "data_platform" / file).read_text())
        assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}, test


def test_no_function_is_without_mutations_and_no_two_are_the_same() -> None:
    by_function = [each.function for each in CATALOGUE]
    assert {function for function in by_function if by_function.count(function) >= 2} == set(
        function_names("data_platform", work_tree())
    )
    assert (
        len({each.name for each in CATALOGUE}) == len({(each.file, each.new) for each in CATALOGUE}) == len(CATALOGUE)
    )
