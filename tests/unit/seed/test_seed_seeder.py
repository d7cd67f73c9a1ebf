"""What the toolkit asks of the seeder that is not loading."""

from pathlib import Path
from typing import Any

import pytest

from seed import SAMPLE_DIR
from seed.seeder import RetailSeeder
from stockroom.errors import StockroomError
from stockroom.seeder import Dataset, make_seeder, seeder_sources

SEEDER = RetailSeeder()


def test_a_dataset_is_known_by_content_name_and_how_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("1")
    found = [SEEDER.fingerprint(Dataset(file)), SEEDER.fingerprint(Dataset(file, "mdy"))]
    found += [SEEDER.fingerprint(Dataset(file, duplicates="drop"))]
    file.write_text("2")
    found += [SEEDER.fingerprint(Dataset(file)), SEEDER.fingerprint(Dataset())]
    found += [SEEDER.fingerprint(Dataset(file.rename(tmp_path / "others.csv")))]
    assert len(set(found)) == len(found)


def test_the_sample_is_known_by_its_files(tmp_path: Path) -> None:
    copy = tmp_path / SAMPLE_DIR.name
    copy.mkdir()
    for file in SAMPLE_DIR.glob("*.jsonl"):
        (copy / file.name).write_bytes(file.read_bytes())
    assert SEEDER.fingerprint(Dataset(copy)) == SEEDER.fingerprint(Dataset())
    (copy / "orders.jsonl").write_text("")
    assert SEEDER.fingerprint(Dataset(copy)) != SEEDER.fingerprint(Dataset())


def test_a_missing_dataset(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"none\.csv"):
        SEEDER.fingerprint(Dataset(tmp_path / "none.csv"))
    with pytest.raises(StockroomError, match=r"none\.csv"):
        SEEDER.check(Dataset(tmp_path / "none.csv"))


class DynamoDB:
    """Session, client and paginator in one; two items a table, on two pages."""

    def client(self, _: str) -> Any:
        return self

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, TableName: str, Select: str) -> Any:  # noqa: N803
        assert (TableName, Select) == ("t-products", "COUNT")
        return [{"Count": 1}, {"Count": 59}]


def test_only_tables_that_nothing_but_seeding_fills_are_counted() -> None:
    outputs = {"table_names": {"orders": "t-orders", "products": "t-products"}}
    assert SEEDER.count(outputs, DynamoDB()) == {"products": 60}  # type: ignore[arg-type]
    assert SEEDER.count({}, DynamoDB()) == {}  # type: ignore[arg-type]


def test_a_seeder_is_found_by_its_name() -> None:
    assert isinstance(make_seeder("seed.seeder:RetailSeeder", "stack.toml"), RetailSeeder)
    assert {"seeder.py", "seeding.py"} <= {path.name for path in seeder_sources("seed.seeder:RetailSeeder")}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("seeds.seeder:RetailSeeder", "stack.toml: seeder: there is no module seeds.seeder"),
        ("seed.none:RetailSeeder", "stack.toml: seeder: there is no module seed.none"),
        ("seed.seeder:None_", "stack.toml: seeder: seed.seeder has no class None_"),
    ],
)
def test_a_seeder_that_is_not_there(named: str, message: str) -> None:
    with pytest.raises(StockroomError) as error:
        make_seeder(named, "stack.toml")
    assert error.value.message == message
