"""A file in the shape of the UCI "Online Retail" set, and its totals in a few lines of plain Python."""

from __future__ import annotations

import csv
import os
import random
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]


def write_sales_file(path: Path, invoices: int = 240) -> Path:
    """Some days of sales: orders, returns, guests, a price of zero, repeated lines; the dates tell their own order."""
    random.seed(20101201)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(invoices):
            is_return = number % 12 == 11
            day = 12 + number * 6 // invoices
            customer = random.choice(["", "17850", "13047", "12583"])
            country = random.choice(["United Kingdom", "United Kingdom", "France", "EIRE"])
            for _ in range(random.randint(1, 12)):
                product = random.randint(20000, 20080)
                quantity = random.randint(1, 24) * (-1 if is_return else 1)
                price = Decimal(random.randint(0, 999)) / 100 if number % 50 else Decimal(0)
                row = [f"{'C' if is_return else ''}{536000 + number}", product, f"PRODUCT, NO {product}", quantity]
                row += [f"12/{day}/10 {8 + number % 10}:{number % 60:02}", price, customer, country]
                for _ in range(2 if random.random() < 0.03 else 1):
                    writer.writerow(row)
    return path


def sales_file(folder: Path) -> Path:
    """The file that STOCKROOM_TEST_DATASET names, else one that is made here."""
    given = os.environ.get("STOCKROOM_TEST_DATASET")
    return Path(given).resolve() if given else write_sales_file(folder / "online_retail.csv")


def totals_of_file(path: Path) -> dict[str, Counter[str]]:
    """Orders, returns, units and revenue per day, from the file alone."""
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("orders", "returns", "units", "revenue")}
    invoices = set()
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            day = datetime.strptime(row["InvoiceDate"], "%m/%d/%y %H:%M").date().isoformat()
            invoices.add((day, row["InvoiceNo"]))
            totals["units"][day] += int(row["Quantity"])
            totals["revenue"][day] += int(row["Quantity"]) * Decimal(row["UnitPrice"])  # type: ignore[assignment]
    for day, invoice in invoices:
        totals["returns" if invoice.startswith("C") else "orders"][day] += 1
    return totals


def revenue_of_file(path: Path) -> dict[tuple[str, str], Decimal]:
    """Revenue per day and country, from the file alone."""
    revenue: dict[tuple[str, str], Decimal] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            day = datetime.strptime(row["InvoiceDate"], "%m/%d/%y %H:%M").date().isoformat()
            amount = int(row["Quantity"]) * Decimal(row["UnitPrice"])
            revenue[day, row["Country"]] = revenue.get((day, row["Country"]), Decimal(0)) + amount
    return revenue


def revenue_of_report(report: dict[str, Any]) -> dict[tuple[str, str], Decimal]:
    """Revenue per day and country, from what `invoke report --json` prints."""
    return {(day["day"], line["country"]): Decimal(line["revenue"]) for day in report["days"] for line in day["lines"]}


def totals_of_orders(orders: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """The same four totals, from the items of the table `orders`."""
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("orders", "returns", "units", "revenue")}
    for order in orders:
        totals["returns" if order["kind"] == "return" else "orders"][order["order_date"]] += 1
        totals["units"][order["order_date"]] += int(order["units"])
        totals["revenue"][order["order_date"]] += order["revenue"]
    return totals


def totals_of_events(events: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """The same four totals, from the events in the raw bucket."""
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("orders", "returns", "units", "revenue")}
    for day, order_id in {(event["event_time"][:10], event["order_id"]) for event in events}:
        totals["returns" if order_id.startswith("C") else "orders"][day] += 1
    for event in events:
        totals["units"][event["event_time"][:10]] += event["quantity"]
        totals["revenue"][event["event_time"][:10]] += event["quantity"] * Decimal(event["unit_price"])
    return totals
