"""From the raw events of one date to its table: each event once, checked, sorted, customers under pseudonyms."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import fields
import pyarrow as pa
from rebuild import UnmendedError

# Raise it when the same raw events shall give other bytes, so that a replay rebuilds what is there.
LAYOUT = 1

SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        # Microseconds reach over all years that an event may have; nanoseconds end in 2262.
        pa.field("event_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("quantity", pa.int32(), nullable=False),
        pa.field("unit_price", pa.decimal128(13, 4), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=True),
        pa.field("store_id", pa.string(), nullable=False),
        pa.field("country", pa.string(), nullable=False),
    ]
)


class Sale(NamedTuple):
    """A row: the columns of SCHEMA in their order, `customer_id` a pseudonym already."""

    event_id: str
    event_time: datetime
    order_id: str
    line: int
    product_id: str
    description: str
    quantity: int
    unit_price: Decimal
    currency: str
    customer_id: str | None
    store_id: str
    country: str


@dataclass(frozen=True)
class Partition:
    """The table of one date, and how many raw events repeat the id of another."""

    table: pa.Table
    duplicates: int


@dataclass(frozen=True)
class RawObject:
    key: str
    etag: str


class UnreadableError(UnmendedError):
    """A line of a raw object is no sales event of its date: where, and a reason that holds no value of it."""


def pseudonyms(secret: str) -> Callable[[str], str]:
    """Customer id → 32 hex characters that only the holder of the secret can make."""
    key = secret.encode()
    return lambda customer_id: hmac.digest(key, customer_id.encode(), "sha256").hex()[:32]


def source_digest(objects: Iterable[RawObject], secret: str) -> str:
    """Another one whenever other objects, another secret or another LAYOUT could give another table."""
    digest = hmac.new(secret.encode(), f"layout {LAYOUT}\n".encode(), "sha256")
    for raw in objects:
        digest.update(f"{raw.etag} {raw.key}\n".encode())
    return digest.hexdigest()


def read_sales(lines: Iterable[bytes], key: str, date: str, pseudonym: Callable[[str], str]) -> Iterator[Sale]:
    """The events of the raw object `key`, one a line. Raises UnreadableError.

    What captures events has checked them already, so a line that is no event is a damaged object or one put
    there by hand: leaving it out would lose it silently.
    """
    for number, line in enumerate(lines, start=1):
        try:
            sale = _read(line, pseudonym)
        except fields.MalformedError as malformed:
            raise UnreadableError(f"{key}, line {number}: {malformed}") from None
        if sale.event_time.date().isoformat() != date:
            raise UnreadableError(f"{key}, line {number}: event_time is not of this date")
        yield sale


def sales_table(sales: Iterable[Sale]) -> Partition:
    """The table of one date, by time and event id. Of several events with one id the first counts.

    `sales` come in the order of the raw objects' keys and of the lines in each, which is the same whoever
    reads them. An id is unique within its date only: an event sent again under another date is in both.
    """
    first: dict[str, Sale] = {}
    duplicates = 0
    for sale in sales:
        if first.setdefault(sale.event_id, sale) is not sale:
            duplicates += 1
    rows = sorted(first.values(), key=lambda sale: (sale.event_time, sale.event_id))
    columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return Partition(pa.Table.from_arrays(arrays, schema=SCHEMA), duplicates)


def _read(line: bytes, pseudonym: Callable[[str], str]) -> Sale:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise fields.MalformedError("event is not UTF-8") from None
    event = fields.json_object(text, "event")
    customer_id = fields.identifier_or_null(event, "customer_id")
    return Sale(
        event_id=fields.identifier(event, "event_id"),
        event_time=datetime.fromisoformat(fields.time(event, "event_time")),
        order_id=fields.identifier(event, "order_id"),
        line=fields.line_number(event, "line"),
        product_id=fields.identifier(event, "product_id"),
        description=_text(event, "description"),
        quantity=fields.quantity(event, "quantity"),
        unit_price=fields.price(event, "unit_price"),
        currency=fields.currency(event, "currency"),
        customer_id=None if customer_id is None else pseudonym(customer_id),
        store_id=fields.identifier(event, "store_id"),
        country=fields.identifier(event, "country"),
    )


def _text(event: fields.Record, name: str) -> str:
    value = fields.present(event, name)
    if not isinstance(value, str) or re.search(r"[\ud800-\udfff]", value):
        raise fields.MalformedError(f"{name} is not a text")
    return value
