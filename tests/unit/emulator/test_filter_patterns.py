"""Filter patterns of CloudWatch Logs: what they let through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .plugin import load

patterns: Any = load("services.logs.patterns")

ORDER = json.dumps(
    {
        "level": "ERROR",
        "ms": 120,
        "store": {"id": "s-1", "tags": ["new", "big"]},
        "lines": [{"sku": "a"}, {"sku": "b"}],
        "paid": True,
        "note": None,
        "client.ip": "10.0.0.1",
    }
)
ACCESS = '127.0.0.1 - frank [10/Oct/2026:13:25:15 -0700] "GET /index.html HTTP/1.1" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "message", "passes"),
    [
        ("", "anything", True),
        ("ERROR", "ERROR a", True),
        ("ERROR", "INFO b", False),
        ("ERROR", "error", False),
        ("ERROR disk", "disk ERROR", True),
        ("ERROR disk", "ERROR", False),
        ('"disk full"', "ERROR: disk full", True),
        ('"disk full"', "ERROR: full disk", False),
        ('"say \\"no\\""', 'they say "no"', True),
        ("?ERROR ?WARN", "WARN x", True),
        ("?ERROR ?WARN", "INFO x", False),
        ("ERROR -retry", "ERROR", True),
        ("ERROR -retry", "ERROR retry", False),
        ('ERROR -"will retry"', "ERROR will retry", False),
        ("ERROR ?retry", "ERROR", True),
        ("%ERR(OR)?:\\s\\d+%", "ERR: 12", True),
        ("%ERR(OR)?:\\s\\d+%", "ERROR: no", False),
        ('{ $.level = "ERROR" }', ORDER, True),
        ("{ $.level = ERROR }", ORDER, True),
        ('{ $.level = "INFO" }', ORDER, False),
        ('{ $.level != "INFO" }', ORDER, True),
        ('{ $.level = "ERR*" }', ORDER, True),
        ("{ $.level = %^ERR% }", ORDER, True),
        ('{ $.other = "x" }', ORDER, False),
        ('{ $.other != "x" }', ORDER, False),
        ("{ $.ms > 100 }", ORDER, True),
        ("{ $.ms >= 120 && $.ms <= 120 }", ORDER, True),
        ("{ $.ms < 1.2e2 }", ORDER, False),
        ("{ $.ms = 120.0 }", ORDER, True),
        ("{ $.level > 5 }", ORDER, False),
        ('{ $.store.id = "s-1" }', ORDER, True),
        ('{ $.store.tags[0] = "new" }', ORDER, True),
        ('{ $.store.tags[*] = "big" }', ORDER, True),
        ('{ $.lines[1].sku = "b" }', ORDER, True),
        ('{ $.["client.ip"] = "10.*" }', ORDER, True),
        ("{ $.paid IS TRUE }", ORDER, True),
        ("{ $.paid IS FALSE }", ORDER, False),
        ("{ $.note IS NULL }", ORDER, True),
        ("{ $.other NOT EXISTS }", ORDER, True),
        ("{ $.level NOT EXISTS }", ORDER, False),
        ('{ ($.level = "INFO" || $.ms > 100) && $.paid IS TRUE }', ORDER, True),
        ('{ $.level = "INFO" || $.ms > 100 && $.paid IS FALSE }', ORDER, False),
        ('{ $.level = "ERROR" }', "no JSON", False),
        ("[ip, id, user, time, request, status=404, size]", ACCESS, True),
        ("[ip, id, user, time, request, status=4*, size > 1000]", ACCESS, True),
        ("[ip, id, user, time, request, status=200, size]", ACCESS, False),
        ("[ip, id, user, time, request, status=404 || status=500, size]", ACCESS, True),
        ('[ip, id, user, time, request="*index*", ...]', ACCESS, True),
        ("[..., status=404, size]", ACCESS, True),
        ("[ip, user]", ACCESS, False),
        ("[ip!=10*, ...]", ACCESS, True),
        ('[w1=ERROR, w2]', "ERROR a", True),
    ],
)  # fmt: skip
def test_what_a_pattern_lets_through(pattern: str, message: str, passes: bool) -> None:
    assert patterns.parse(pattern)(message) is passes


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a }", "{ $.a = }", '{ $.a = "b"', "{ a = b }", "{ $.a = 1 } x", "{ $.a < x }", "[a, b", "{ $.a = %(% }",
        "%(%", "{ $.a IS MAYBE }",
    ],
)  # fmt: skip
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(patterns.PatternError):
        patterns.parse(pattern)


def test_values_of_metric_filters() -> None:
    assert patterns.parse("{ $.ms > 0 }").value(ORDER, "$.ms") == 120
    assert patterns.parse("{ $.ms > 0 }").value(ORDER, "$.other") is None
    assert patterns.parse("[ip, id, user, time, request, status, size]").value(ACCESS, "$size") == "1534"
    assert patterns.parse("ERROR").value("ERROR", "$.ms") is None
