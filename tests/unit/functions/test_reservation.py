"""The planner against a world of its own: a few dictionaries that hold steps to DynamoDB's rules."""

import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from order_message import Line, Order
from reservation import FINAL, PRODUCTS_PER_STEP, Shortage, Step, StoredOrder, next_step
from transactions import Overtaken, Short


def make_order(order_id: str, quantities: dict[str, int]) -> Order:
    lines = tuple(
        Line(number, product_id, quantity, Decimal("1.50"))
        for number, (product_id, quantity) in enumerate(quantities.items(), 1)
    )
    return Order(order_id, "2024-05-01T10:00:00Z", None, "online", "France", "EUR", lines)


def products(count: int, quantity: int = 1) -> dict[str, int]:
    return {f"P{number:04}": quantity for number in range(count)}


@dataclass
class World:
    """Stock and orders; `attempt` does a step as a whole or tells why not."""

    stock: dict[str, int]
    orders: dict[str, StoredOrder] = field(default_factory=dict)

    def attempt(self, step: Step) -> Overtaken | Short | None:
        assert len(step.moves) <= PRODUCTS_PER_STEP
        stored = self.orders.get(step.after.order.order_id)
        expected = step.before and (step.before.status, step.before.moved)
        if (stored and (stored.status, stored.moved)) != expected:
            return Overtaken(stored)
        short = [
            Shortage(product, -change, self.stock[product])
            for product, change in step.moves.items()
            if change < 0 and self.stock[product] < -change
        ]
        if short:
            return Short(tuple(short))
        for product, change in step.moves.items():
            self.stock[product] += change
        self.orders[step.after.order.order_id] = step.after
        return None

    def taken(self) -> dict[str, int]:
        """What the orders say of themselves that they hold, by product."""
        total = dict.fromkeys(self.stock, 0)
        for stored in self.orders.values():
            moved = 0 if stored.status == "backordered" else stored.moved
            for product, quantity in list(stored.order.quantities.items())[:moved]:
                total[product] += quantity
        return total

    def snapshot(self) -> "World":
        return World(dict(self.stock), dict(self.orders))


def work(world: World, order: Order) -> Generator[None]:
    """One delivery of a message, resting after every attempt: there others come in, or it dies."""
    stored: StoredOrder | None = None
    step = next_step(order, stored)
    while step is not None:
        shortages: Sequence[Shortage] = ()
        match world.attempt(step):
            case Overtaken(now):
                stored = now
            case Short(found):
                shortages = found
            case None:
                stored = step.after
        step = next_step(order, stored, shortages)
        yield


def deliver(world: World, order: Order) -> int:
    """A delivery that nothing disturbs; the number of its attempts."""
    return sum(1 for _ in work(world, order))


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (99, 1), (100, 2), (198, 2), (199, 3), (1100, 12)])
def test_an_order_takes_its_stock_in_as_few_transactions_as_dynamodb_allows(count: int, steps: int) -> None:
    world = World(products(count, 5))
    assert deliver(world, make_order("1", products(count, 2))) == steps
    assert world.stock == products(count, 3)
    assert world.orders["1"].status == "fulfilled"


def test_a_repeated_message_changes_nothing() -> None:
    world = World(products(250, 5))
    for _ in range(3):
        deliver(world, make_order("1", products(250, 2)))
    assert world.stock == products(250, 3)


def test_an_order_beyond_the_stock_takes_nothing_and_names_what_is_short() -> None:
    world = World({"A": 5, "B": 1, "C": 0})
    deliver(world, make_order("1", {"A": 5, "B": 2, "C": 1}))
    assert world.stock == {"A": 5, "B": 1, "C": 0}
    assert world.orders["1"].status == "backordered"
    assert world.orders["1"].shortages == (Shortage("B", 2, 1), Shortage("C", 1, 0))


def test_a_shortage_in_the_last_transaction_gives_everything_back() -> None:
    stock = products(250, 5) | {"P0249": 1}
    world = World(dict(stock))
    deliver(world, make_order("1", products(250, 2)))
    assert world.stock == stock
    assert world.orders["1"].status == "backordered"
    assert world.orders["1"].shortages == (Shortage("P0249", 2, 1),)


@pytest.mark.parametrize("count", [1, 99, 100, 250])
def test_a_return_puts_stock_back_once(count: int) -> None:
    world = World(products(count, 0))
    for _ in range(2):
        deliver(world, make_order("C1", products(count, -3)))
    assert world.stock == products(count, 3)
    assert world.orders["C1"].status == "returned"


@pytest.mark.parametrize("stock", [products(250, 5), products(250, 5) | {"P0249": 0}])
@pytest.mark.parametrize("order_id", ["1", "C1"])
def test_a_crash_after_any_step_is_made_good_by_the_next_delivery(stock: dict[str, int], order_id: str) -> None:
    order = make_order(order_id, products(250, -2 if order_id == "C1" else 2))
    expected = World(dict(stock))
    steps = deliver(expected, order)
    for crash_after in range(steps):
        world = World(dict(stock))
        worker = work(world, order)
        for _ in range(crash_after):
            next(worker)
        worker.close()
        deliver(world, order)
        assert world.stock == expected.stock
        assert world.orders[order_id].status == expected.orders[order_id].status


def test_a_step_size_that_changes_under_way_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(products(250, 5) | {"P0249": 0})
    order = make_order("1", products(250, 2))
    worker = work(world, order)
    next(worker)
    monkeypatch.setattr("reservation.PRODUCTS_PER_STEP", 40)
    deliver(world, order)
    assert world.stock == products(250, 5) | {"P0249": 0}


def test_the_first_message_with_an_id_wins_even_while_it_is_under_way() -> None:
    world = World(products(250, 5))
    worker = work(world, make_order("1", products(250, 2)))
    next(worker)
    deliver(world, make_order("1", products(120, 4)))
    assert world.stock == products(250, 3)
    assert world.orders["1"].order == make_order("1", products(250, 2))


def test_a_final_order_needs_no_step() -> None:
    order = make_order("1", {"A": 1})
    for status in FINAL:
        assert next_step(order, StoredOrder(order, status, 0)) is None
        assert next_step(order, StoredOrder(order, status, 0), [Shortage("A", 1, 0)]) is None


@pytest.mark.parametrize("seed", range(60))
def test_deliveries_in_any_mixture_with_crashes_neither_lose_nor_double_stock(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr("reservation.PRODUCTS_PER_STEP", 3)
    opening = {f"P{number}": chance.randint(0, 12) for number in range(12)}
    orders = []
    for number in range(8):
        sign = chance.choice([1, 1, 1, -1])
        chosen = chance.sample(sorted(opening), chance.randint(1, 12))
        quantities = {product: sign * chance.randint(1, 4) for product in chosen}
        orders.append(make_order(f"{'C' if sign < 0 else ''}{number}", quantities))
    world = World(dict(opening))
    waiting = [order for order in orders for _ in range(3)]  # every message arrives three times
    chance.shuffle(waiting)
    working: list[Generator[None]] = []
    finished: dict[str, StoredOrder] = {}
    while waiting or working:
        if waiting and (not working or chance.random() < 0.4):
            working.append(work(world, waiting.pop()))
        worker = chance.choice(working)
        if chance.random() < 0.1 or next(worker, "done") == "done":
            working.remove(worker)
        assert min(world.stock.values()) >= 0
        taken = world.taken()
        assert {product: world.stock[product] + taken[product] for product in opening} == opening
        for order_id, stored in finished.items():
            assert world.orders[order_id] == stored, "a final order changed"
        finished = {order_id: stored for order_id, stored in world.orders.items() if stored.status in FINAL}
    for order in orders:
        deliver(world, order)
    assert {stored.status for stored in world.orders.values()} <= FINAL
    before = world.snapshot()
    for order in orders:
        deliver(world, replace(order, country="Malta"))
    assert world == before
