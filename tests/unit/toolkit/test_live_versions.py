from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import WaiterError

from stockroom.deployed.live_alias import shift, shifts
from stockroom.deployed.outputs import Key
from stockroom.errors import StockroomError

OUTPUTS = {
    "function_names": {"restock": "shop-restock", "capture_sales": "shop-capture-sales"},
    "function_versions": {"restock": "4", "capture_sales": "7"},
}


class Functions:
    """A session and Lambda in one: the version behind the alias by name, and the calls that change or wait."""

    def __init__(self, broken: str = "", **live: str) -> None:
        self.live = {f"shop-{name.replace('_', '-')}": version for name, version in live.items()}
        self.broken = broken
        self.calls: list[tuple[str, str, str]] = []

    def client(self, service: str) -> "Functions":
        assert service == "lambda"
        return self

    def get_alias(self, FunctionName: str, Name: str) -> dict[str, str]:  # noqa: N803 - the names of the API
        assert Name == "live"
        return {"FunctionVersion": self.live[FunctionName]}

    def get_waiter(self, name: str) -> "Functions":
        assert name == "published_version_active"
        return self

    def wait(self, FunctionName: str, Qualifier: str, WaiterConfig: dict[str, int]) -> None:  # noqa: N803
        if FunctionName == self.broken:
            answer = cast(Any, {"State": "Failed", "StateReason": "no code"})
            raise WaiterError(name="PublishedVersionActive", reason="Failed", last_response=answer)
        self.calls.append(("wait", FunctionName, Qualifier))

    def update_alias(self, FunctionName: str, Name: str, FunctionVersion: str) -> None:  # noqa: N803
        assert Name == "live"
        self.calls.append(("update", FunctionName, FunctionVersion))
        self.live[FunctionName] = FunctionVersion


def _shift(functions: Functions, outputs: dict[str, Any]) -> tuple[list[tuple[str, str, str]], list[str]]:
    said: list[str] = []
    return shift(cast(boto3.Session, functions), {"shop": outputs}, said.append), said


@pytest.mark.parametrize(
    ("live", "newest", "wanted"),
    [
        ({"a": "1", "b": "9"}, {"a": "2", "b": "10"}, {"a": ("1", "2"), "b": ("9", "10")}),
        ({"a": "2"}, {"a": "2"}, {}),
        ({"a": "3"}, {"a": "2"}, {"a": ("3", "2")}),
        ({"a": "1", "b": "1"}, {"b": "2", "c": "2"}, {"b": ("1", "2")}),
        ({}, {}, {}),
    ],
)
def test_a_shift_is_from_the_live_version_to_another_that_is_newest(
    live: dict[str, str], newest: dict[str, str], wanted: dict[str, tuple[str, str]]
) -> None:
    def keyed(values: dict[str, Any]) -> dict[Key, Any]:
        return {Key("shop", name): value for name, value in values.items()}

    assert shifts(keyed(live), keyed(newest)) == keyed(wanted)


def test_events_reach_the_newest_versions_and_a_second_shift_changes_nothing() -> None:
    functions = Functions(restock="3", capture_sales="7")
    assert _shift(functions, OUTPUTS) == ([("restock", "3", "4")], ["restock 3 → 4"])
    assert functions.calls == [("wait", "shop-restock", "4"), ("update", "shop-restock", "4")]
    assert _shift(functions, OUTPUTS) == ([], [])
    assert len(functions.calls) == 2


def test_a_function_whose_version_is_not_put_out_is_left_alone() -> None:
    functions = Functions(restock="3")
    assert _shift(functions, {**OUTPUTS, "function_versions": {"restock": "4"}})[0] == [("restock", "3", "4")]
    assert _shift(functions, {"function_names": OUTPUTS["function_names"]}) == ([], [])
    assert _shift(functions, {}) == ([], [])


def test_no_function_is_shifted_before_all_new_versions_can_be_called() -> None:
    functions = Functions(restock="1", capture_sales="1")
    assert _shift(functions, OUTPUTS)[1] == ["capture_sales 1 → 7, restock 1 → 4"]
    assert [call for call, *_ in functions.calls] == ["wait", "wait", "update", "update"]

    functions = Functions(restock="1", capture_sales="1", broken="shop-restock")
    with pytest.raises(StockroomError, match="version 4 of shop-restock does not become active: no code"):
        _shift(functions, OUTPUTS)
    assert set(functions.live.values()) == {"1"}


def test_functions_of_the_same_name_in_two_stacks_are_both_shifted() -> None:
    functions = Functions(restock="3", other_restock="1")
    outputs = {
        "lake": {"function_names": {"restock": "shop-restock"}, "function_versions": {"restock": "4"}},
        "shop": {"function_names": {"restock": "shop-other-restock"}, "function_versions": {"restock": "2"}},
    }
    said: list[str] = []
    shifted = shift(cast(boto3.Session, functions), outputs, said.append)
    assert shifted == [("lake/restock", "3", "4"), ("shop/restock", "1", "2")]
    assert said == ["lake/restock 3 → 4, shop/restock 1 → 2"]
    assert functions.live == {"shop-restock": "4", "shop-other-restock": "2"}
