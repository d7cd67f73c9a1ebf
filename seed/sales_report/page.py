"""Picture and sums as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from seed.sales_report.figures import SalesReport
from seed.sales_report.show import Labels, Row, days_in_words, readable, section_rows, shown_sections

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.sum { margin: 0; color: #444; }
.warning { border-left: 4px solid #b00020; padding: .4rem .8rem; background: #fdf0f1; }
img { width: 100%; height: auto; margin: 1rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: left; font-weight: normal; }
th.number, td.number { text-align: right; white-space: nowrap; }
td:first-child { white-space: nowrap; }
thead th { border-bottom: 2px solid #bbb; color: #555; position: sticky; top: 0; background: #fff; }
tbody tr:hover { background: #f5f7fa; }
tr.total > * { font-weight: 600; border-top: 1px solid #bbb; border-bottom: 1px solid #ddd; }
"""


def make_page(report: SalesReport, labels: Labels, picture: bytes, warning: str | None) -> str:
    """The page; `picture` is a PNG file."""
    days, period = shown_sections(report)
    title = f"Sales by {report.by}, {days_in_words(report)}"
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{escape(title)}</h1>",
    ]
    for section in period:
        total = section.total
        parts.append(
            f'<p class="sum"><strong>{readable(total.revenue)} {escape(section.currency)}</strong> revenue: '
            f"{readable(total.sales)} sales, {readable(total.returns)} returns; "
            f"{total.units_sold:,} units sold, {total.units_returned:,} returned</p>"
        )
    if warning:
        parts.append(f'<p class="warning">Not complete: {escape(warning)}</p>')
    encoded = base64.b64encode(picture).decode()
    parts.append(f'<img alt="{escape(title)}: revenue as a picture" src="data:image/png;base64,{encoded}">')
    heading = "All days together" if report.day_count > 1 else days_in_words(report)
    parts += _table(heading, report.by, (row for section in period for row in section_rows(section, report, labels)))
    if days:
        parts += _table(
            "Day by day", report.by, (row for section in days for row in section_rows(section, report, labels))
        )
    return "\n".join([*parts, "</body>", "</html>", ""])


def _table(heading: str, by: str, rows: Iterable[Row]) -> list[str]:
    names = ("day", by, "units sold", "units returned", "sales", "returns", "revenue", "currency")
    head = "".join(f'<th scope="col"{_number(at)}>{name}</th>' for at, name in enumerate(names))
    lines = [f"<h2>{heading}</h2>", '<div class="wide"><table>', f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    for row in rows:
        cells = "".join(f"<td{_number(at)}>{escape(cell)}</td>" for at, cell in enumerate(row.cells))
        lines.append(f'<tr class="total">{cells}</tr>' if row.kind == "total" else f"<tr>{cells}</tr>")
    return [*lines, "</tbody></table></div>"]


def _number(at: int) -> str:
    return ' class="number"' if 2 <= at <= 6 else ""
