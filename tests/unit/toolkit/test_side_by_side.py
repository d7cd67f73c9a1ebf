"""What does not wait for each other runs side by side; what needs something that failed does not run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from threading import Barrier, Event, Lock

import pytest

from stockroom.errors import StockroomError
from stockroom.side_by_side import Check, Done, Failed, NotStarted, results_of, run_side_by_side

PATIENCE_SECONDS = 20

# shop needs lake and network, insights needs shop; alone needs nothing, and stands between them.
SHOP = {"insights": ["shop"], "shop": ["lake", "network"], "lake": [], "alone": [], "network": []}


class Recorder:
    """Notes what begins and ends; `failing` raise, and none of them does more than that."""

    def __init__(self, *failing: str) -> None:
        self.lines: list[str] = []
        self.at_once = self.most = 0
        self._failing = failing
        self._lock = Lock()

    def __call__(self, name: str, check: Check) -> str:
        with self._lock:
            self.lines.append(f"+{name}")
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        Event().wait(0.01)
        with self._lock:
            self.lines.append(f"-{name}")
            self.at_once -= 1
        if name in self._failing:
            raise StockroomError(f"{name} is broken", f"mend {name}", f"all about {name}")
        return name.upper()


@pytest.mark.parametrize("width", [1, 2, 4])
def test_each_begins_when_all_that_it_needs_has_ended(width: int) -> None:
    recorder = Recorder()
    assert run_side_by_side(SHOP, recorder, width) == {name: Done(name.upper()) for name in SHOP}
    for name, needs in SHOP.items():
        assert all(recorder.lines.index(f"-{need}") < recorder.lines.index(f"+{name}") for need in needs)
    assert recorder.most <= width


def test_what_does_not_wait_for_each_other_runs_at_the_same_time() -> None:
    barrier = Barrier(3)

    def run(name: str, check: Check) -> int:
        return barrier.wait(PATIENCE_SECONDS)

    outcomes = run_side_by_side({"a": [], "b": [], "c": []}, run, width=3)
    assert sorted(one.result for one in outcomes.values() if isinstance(one, Done)) == [0, 1, 2]


def test_one_at_a_time_they_run_in_the_order_of_the_mapping() -> None:
    recorder = Recorder()
    run_side_by_side(SHOP, recorder, width=1)
    assert [line for line in recorder.lines if line[0] == "+"] == ["+lake", "+alone", "+network", "+shop", "+insights"]


def test_what_is_not_among_the_names_counts_as_done() -> None:
    assert run_side_by_side({"shop": ["lake"]}, Recorder()) == {"shop": Done("SHOP")}


def test_nothing_to_run_is_no_mistake() -> None:
    assert run_side_by_side({}, Recorder()) == {}


@pytest.mark.parametrize("width", [1, 4])
def test_what_needs_a_failed_one_does_not_run_and_all_others_do(width: int) -> None:
    recorder = Recorder("lake")
    outcomes = run_side_by_side(SHOP, recorder, width)
    assert isinstance(outcomes["lake"], Failed)
    assert outcomes["shop"] == outcomes["insights"] == NotStarted("lake")
    assert outcomes["alone"] == Done("ALONE")
    assert outcomes["network"] == Done("NETWORK")
    assert not {"+shop", "+insights"} & set(recorder.lines)


def test_a_bug_in_one_lets_the_others_finish_too() -> None:
    def run(name: str, check: Check) -> None:
        if name == "a":
            raise ZeroDivisionError

    outcomes = run_side_by_side({"a": [], "b": []}, run)
    assert isinstance(outcomes["a"], Failed)
    assert outcomes["b"] == Done(None)
    with pytest.raises(ZeroDivisionError):
        results_of(outcomes, "apply")


# Ctrl-C


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def until_interrupted(check: Check) -> None:
    for _ in range(int(PATIENCE_SECONDS / 0.01)):
        check()
        Event().wait(0.01)
    raise AssertionError("was never interrupted")


def test_ctrl_c_reaches_all_that_runs_and_starts_nothing_more() -> None:
    begun, interrupted = Barrier(3, action=press_ctrl_c), []

    def run(name: str, check: Check) -> None:
        begun.wait(PATIENCE_SECONDS)
        try:
            until_interrupted(check)
        except KeyboardInterrupt:
            interrupted.append(name)
            raise

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side({"a": [], "b": [], "c": [], "d": ["a"], "e": []}, run, width=3)
    assert sorted(interrupted) == ["a", "b", "c"]


def test_each_ctrl_c_is_handed_on_once() -> None:
    seen = []

    def run(name: str, check: Check) -> None:
        press_ctrl_c()
        for number in range(2):
            with pytest.raises(KeyboardInterrupt):
                until_interrupted(check)
            check()  # not the same one again
            seen.append(number)
            press_ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side({"a": []}, run)
    assert seen == [0, 1]


def test_what_runs_is_waited_for_before_the_interrupt_is_raised() -> None:
    ended = Event()

    def run(name: str, check: Check) -> None:
        press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            until_interrupted(check)
        Event().wait(0.2)  # it writes its state
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side({"a": []}, run)
    assert ended.is_set()


def test_an_interrupt_in_a_thread_interrupts_the_others() -> None:
    begun, interrupted = Barrier(2), []

    def run(name: str, check: Check) -> None:
        begun.wait(PATIENCE_SECONDS)
        if name == "a":
            raise KeyboardInterrupt
        try:
            until_interrupted(check)
        except KeyboardInterrupt:
            interrupted.append(name)

    failures = []

    def in_thread() -> None:
        # As the end-to-end tests do with a platform of their own.
        try:
            run_side_by_side({"a": [], "b": [], "c": ["a"]}, run)
        except KeyboardInterrupt as error:
            failures.append(error)

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert len(failures) == 1
    assert interrupted == ["b"]


# What is told


def failure(needs: dict[str, list[str]], run: Callable[[str, Check], object]) -> StockroomError:
    with pytest.raises(StockroomError) as caught:
        results_of(run_side_by_side(needs, run), "apply")
    return caught.value


def test_results_are_by_name() -> None:
    assert results_of(run_side_by_side(SHOP, Recorder()), "apply") == {name: name.upper() for name in SHOP}


def test_of_a_single_name_its_own_error_is_told() -> None:
    error = failure({"lake": []}, Recorder("lake"))
    assert (error.message, error.hint, error.details) == ("lake is broken", "mend lake", "all about lake")


def test_one_failure_says_what_was_done_and_what_was_not() -> None:
    error = failure(SHOP, Recorder("lake"))
    assert error.message == (
        "lake is broken; not begun: insights (needs lake), shop (needs lake); done: alone, network"
    )
    assert (error.hint, error.details) == ("mend lake", "all about lake")


def test_several_failures_are_told_one_by_one() -> None:
    error = failure(SHOP, Recorder("lake", "alone"))
    assert error.message == (
        "apply failed: lake, alone; not begun: insights (needs lake), shop (needs lake); done: network"
    )
    assert error.details == (
        "all about lake\nlake: lake is broken\n  next: mend lake\n"
        "all about alone\nalone: alone is broken\n  next: mend alone"
    )
