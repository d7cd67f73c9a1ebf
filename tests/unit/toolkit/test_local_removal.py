import pytest

from stockroom.errors import StockroomError
from stockroom.local.removal import check_removal

NEEDS = {"base": (), "shop": ("base",), "reports": ("shop",)}


@pytest.mark.parametrize("names", [["reports"], ["reports", "shop"], ["base", "shop", "reports"]])
def test_what_nobody_else_needs_may_go(names: list[str]) -> None:
    check_removal(names, ["base", "reports", "shop"], NEEDS)


def test_a_stack_whose_dependents_are_not_deployed_may_go() -> None:
    check_removal(["shop"], ["base", "shop"], NEEDS)


@pytest.mark.parametrize(
    ("names", "deployed", "message", "hint"),
    [
        (["shop"], ["base"], "the stack 'shop' is not deployed", "deployed are: base"),
        (["shop"], [], "the stack 'shop' is not deployed", "deployed are: none"),
        (["old"], ["base", "old"], "terraform/stacks/old is gone", "bring it back with git"),
        (["base"], ["base", "shop"], "the stack 'base' is needed by shop", "--stack base --stack shop"),
        (["base", "reports"], ["base", "reports", "shop"], "the stack 'base' is needed by shop", "--stack shop"),
    ],
)
def test_what_may_not_go(names: list[str], deployed: list[str], message: str, hint: str) -> None:
    with pytest.raises(StockroomError) as error:
        check_removal(names, deployed, NEEDS)
    assert error.value.message.startswith(message)
    assert hint in str(error.value.hint)
