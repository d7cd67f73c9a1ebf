import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figure, percentile, rate

SLOW = Figure("by hand", 80.0, "s")


def test_a_ratio_says_how_many_times_its_reference_a_figure_is() -> None:
    found = Figure("infra-up", 20.0, "s").than(SLOW)
    assert (found.ratio, found.beside, found.reference) == (0.25, "by hand", 80.0)


def test_a_figure_without_a_reference_has_no_ratio_and_is_neither_better_nor_worse() -> None:
    assert SLOW.ratio is None
    assert SLOW.is_better is None
    assert Figure("none", 1.0, "s").than(Figure("nothing", 0.0, "s")).ratio is None


@pytest.mark.parametrize(
    ("value", "unit", "better"),
    [(40.0, "s", True), (160.0, "s", False), (40.0, "MB", True), (160.0, "events/s", True), (40.0, "events/s", False)],
)
def test_rates_want_to_be_high_and_all_else_low(value: float, unit: str, better: bool) -> None:
    assert Figure("new", value, unit).than(Figure("old", 80.0, unit)).is_better is better


def test_a_share_is_neither_better_nor_worse() -> None:
    share = Figure("apply by hand", 60.0, "s").of(SLOW)
    assert (share.ratio, share.is_better) == (0.75, None)


def test_figures_of_different_units_are_not_compared() -> None:
    with pytest.raises(ValueError, match=r"in s, .* in ms"):
        Figure("one", 1.0, "s").than(Figure("other", 1.0, "ms"))


def test_a_rate_is_records_by_seconds() -> None:
    assert rate("put", 500, 2.0, "events") == Figure("put", 250.0, "events/s")


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (99, 10), (100, 10), (10, 1), (0, 1)])
def test_percentiles_are_samples(percent: float, expected: float) -> None:
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], percent) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(0, 100))
def test_so_many_percent_do_not_exceed_the_percentile(samples: list[float], percent: int) -> None:
    found = percentile(samples, percent)
    assert found in samples
    assert sum(sample <= found for sample in samples) * 100 >= len(samples) * percent


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)
