import json

import pytest

from tests.e2e.data_platform.function_logs import relevant, tells_of


def record(level: str, message: str) -> str:
    return f"10:00:00 {json.dumps({'level': level, 'message': message})}"


def test_lines_with_the_word_and_errors_of_the_functions_involved() -> None:
    mine, other, failed = record("INFO", "e2e-1 stored"), record("INFO", "e2e-2 stored"), record("ERROR", "no table")
    logged = {"involved": [other, mine, failed], "idle": [other, failed], "silent": []}
    assert relevant(logged, "e2e-1") == {"involved": [mine, failed]}


def test_errors_and_warnings_of_all_functions_when_none_knows_the_word() -> None:
    other, failed, refused = record("INFO", "e2e-2"), record("ERROR", "no table"), record("WARNING", "refused")
    logged = {"one": [other, failed], "two": [other], "three": [refused]}
    assert relevant(logged, "e2e-1") == {"one": [failed], "three": [refused]}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"level": "ERROR"}', True),
        ('{"level": "CRITICAL"}', True),
        ('{"errorMessage": "x", "errorType": "ValueError"}', True),
        ("[ERROR] Runtime.ImportModuleError: Unable to import module", True),
        ("2026-01-01T00:00:00Z 1-2-3 Task timed out after 3.00 seconds", True),
        ('{"level": "WARNING", "message": "[ERROR]"}', False),
        ("REPORT RequestId: 1-2-3 Duration: 1.5 ms", False),
        ("[1]", False),
        ("", False),
    ],
)
def test_what_an_error_is(message: str, expected: bool) -> None:
    assert tells_of({"ERROR", "CRITICAL"}, f"10:00:00 {message}") is expected


def test_much_is_cut_in_the_middle_and_at_the_right() -> None:
    lines = relevant({"one": [f"word {number} {'x' * 10_000}" for number in range(1000)]}, "word")["one"]
    assert (len(lines), max(map(len, lines))) == (201, 4002)
    assert (lines[0][:7], lines[100], lines[-1][:9]) == ("word 0 ", "… 800 lines left out …", "word 999 ")
