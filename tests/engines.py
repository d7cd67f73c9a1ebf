"""Compares engines by their end-to-end tests: python -m tests.engines localstack=JUNIT.XML ministack=JUNIT.XML

Each file is what `invoke e2e` wrote on one engine. The table goes into docs/engines.md, between its two marks.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.mutations.junit import CaseResult, read_results

PAGE = Path(__file__).resolve().parent.parent / "docs" / "engines.md"
BEGIN, END = "<!-- begin of results -->\n", "<!-- end of results -->"

# What the tests of a module need of an engine; they are many services at once.
SERVICES = {
    "test_alarms": "CloudWatch, SNS",
    "test_conservation": "Kinesis, SQS, S3, DynamoDB",
    "test_curation": "S3, EventBridge, SQS",
    "test_daily_sales": "S3, EventBridge, SQS",
    "test_deployed": "all",
    "test_deployed_functions": "Lambda",
    "test_disturbances": "Lambda",
    "test_limits": "Kinesis, SQS",
    "test_orders": "SQS, DynamoDB",
    "test_redrive": "SQS, Lambda",
    "test_restock": "DynamoDB streams, SQS",
    "test_roles": "IAM",
    "test_sales_events": "Kinesis, S3",
    "test_totals": "DynamoDB streams",
}

Results = Mapping[str, CaseResult]


def table(engines: Mapping[str, Results]) -> list[str]:
    """Lines of Markdown: how many tests of each module passed on each engine, then every test that one fails."""
    modules = sorted({_module(name) for results in engines.values() for name in results})
    titles = " | ".join(engines)
    lines = [f"| tests | services | {titles} |", f"| --- | --- |{' --- |' * len(engines)}"]
    for module in modules:
        counts = " | ".join(_count(results, module) for results in engines.values())
        lines.append(f"| `{module}` | {SERVICES.get(module, '')} | {counts} |")
    lines.append(f"| all | | {' | '.join(_count(results, '') for results in engines.values())} |")
    if failed := sorted({name for results in engines.values() for name in results if _fails(results, name)}):
        lines += ["", f"| services | test | {titles} |", f"| --- | --- |{' --- |' * len(engines)}"]
        for name in failed:
            cells = " | ".join(_cell(results.get(name)) for results in engines.values())
            lines.append(f"| {SERVICES.get(_module(name), '')} | `{_escaped(name)}` | {cells} |")
    return lines


def _module(name: str) -> str:
    return name.partition("::")[0]


def _count(results: Results, module: str) -> str:
    chosen = [result for name, result in results.items() if module in ("", _module(name))]
    return f"{sum(result.outcome == 'passed' for result in chosen)} of {len(chosen)}"


def _fails(results: Results, name: str) -> bool:
    return results[name].outcome in {"failed", "error"}


def _cell(result: CaseResult | None) -> str:
    if result is None:
        return "not run"
    line = next(iter(result.message.splitlines()), "")[:120]
    return result.outcome if result.outcome == "passed" or not line else f"{result.outcome}: `{_escaped(line)}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def main(words: list[str]) -> None:
    engines = {}
    for word in words:
        name, _, path = word.partition("=")
        engines[name] = {result.name: result for result in read_results(Path(path).read_text())}
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("".join([before, BEGIN, "\n", *(f"{line}\n" for line in table(engines)), "\n", END, after]))


if __name__ == "__main__":
    main(sys.argv[1:])
