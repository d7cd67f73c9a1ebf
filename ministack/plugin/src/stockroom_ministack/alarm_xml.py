"""Alarms as XML, the form in which Terraform reads them: with all that they hold, as MiniStack tells in JSON."""

import json
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import cloudwatch

LISTS = ("AlarmNames", "AlarmTypes")
WORDS = ("AlarmNamePrefix", "StateValue", "MaxRecords", "NextToken")


def patch() -> None:
    """Replace DescribeAlarms of the query protocol, which Terraform speaks."""
    describe = cloudwatch._describe_alarms

    def describe_alarms(params: dict[str, Any], data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return describe(params, data, is_cbor, is_json)
        asked: dict[str, Any] = {name: word for name in WORDS if (word := cloudwatch._p(params, name))}
        asked |= {name: _members(params, name) for name in LISTS}
        status, _, body = describe({}, asked, False, True)
        if status != 200:
            return describe(params, data, is_cbor, is_json)
        answer = json.loads(body)
        answer["MetricAlarms"] = [_told(alarm) for alarm in answer["MetricAlarms"]]
        content = f"<DescribeAlarmsResult>{to_xml(answer)}</DescribeAlarmsResult>"
        return cloudwatch._xml(200, "DescribeAlarmsResponse", content)

    cloudwatch._describe_alarms = describe_alarms


def to_xml(value: Any) -> str:
    """The content of an element. What is not there, and an empty text, have no element."""
    if isinstance(value, dict):
        there = {name: one for name, one in value.items() if one not in (None, "")}
        return "".join(f"<{name}>{to_xml(one)}</{name}>" for name, one in there.items())
    if isinstance(value, list):
        return "".join(f"<member>{to_xml(one)}</member>" for one in value)
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def _told(alarm: dict[str, Any]) -> dict[str, Any]:
    """An alarm has one statistic, a plain one or a percentile, and its times are dates."""
    told = {name: _date(one) if name.endswith("Timestamp") else one for name, one in alarm.items()}
    return told | ({"Statistic": None} if alarm.get("ExtendedStatistic") else {})


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _members(params: dict[str, Any], name: str) -> list[str]:
    found: list[str] = []
    while word := cloudwatch._p(params, f"{name}.member.{len(found) + 1}"):
        found.append(word)
    return found
