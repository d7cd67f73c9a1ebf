import pytest

from stockroom.deployed.outputs import Key, Outputs, find, labels, published, urls_of
from stockroom.errors import StockroomError
from stockroom.stacks import Manifest

TWO: Outputs = {
    "shop": {"queue_urls": {"orders": "http://q/shop-orders"}, "region": "us-east-1"},
    "lake": {"queue_urls": {"orders": "http://q/lake-orders", "raw_objects": "http://q/raw"}, "table_names": {}},
}


def test_things_of_the_same_name_stay_apart() -> None:
    assert published(TWO, "queue_urls") == {
        Key("lake", "orders"): "http://q/lake-orders",
        Key("lake", "raw_objects"): "http://q/raw",
        Key("shop", "orders"): "http://q/shop-orders",
    }
    assert published(TWO, "secret_arns") == {}


def test_a_label_names_the_stack_only_where_that_is_needed() -> None:
    assert set(labels(published(TWO, "queue_urls")).values()) == {"lake/orders", "raw_objects", "shop/orders"}


@pytest.mark.parametrize("asked", ["raw_objects", "raw-objects", "lake/raw-objects"])
def test_a_thing_is_found_by_its_short_name(asked: str) -> None:
    assert find(TWO, "queue_urls", asked, "queue") == (Key("lake", "raw_objects"), "http://q/raw")


def test_a_stack_tells_two_of_the_same_name_apart() -> None:
    assert find(TWO, "queue_urls", "shop/orders", "queue")[1] == "http://q/shop-orders"
    assert find(TWO, "queue_urls", "lake/orders", "queue")[1] == "http://q/lake-orders"


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ("orders", "several stacks have a queue 'orders'", "write lake/orders or shop/orders"),
        ("sales", "there is no queue 'sales'", "queues are: lake/orders, raw_objects, shop/orders"),
        (
            "shop/raw_objects",
            "there is no queue 'shop/raw_objects'",
            "queues are: lake/orders, raw_objects, shop/orders",
        ),
        ("", "which queue?", "queues are: lake/orders, raw_objects, shop/orders"),
    ],
)
def test_what_can_not_be_found_is_told(asked: str, message: str, hint: str) -> None:
    with pytest.raises(StockroomError) as error:
        find(TWO, "queue_urls", asked, "queue")
    assert (error.value.message, error.value.hint) == (message, hint)


def test_addresses_to_open_are_those_that_manifests_name() -> None:
    manifests = {"shop": Manifest(urls=("shop_url", "admin_url")), "lake": Manifest(), "gone": Manifest(urls=("x",))}
    outputs = {"shop": {"shop_url": "http://a", "other_url": "http://b"}, "lake": {}, "unknown": {"shop_url": "c"}}
    assert urls_of(manifests, outputs) == {Key("shop", "shop_url"): "http://a"}
