"""The mutations: what would be lost, doubled or hushed up if nobody looked."""

from __future__ import annotations

from tests.mutations.mutation import Mutation

CATALOGUE = [
    # capture_sales
    Mutation(
        name="capture-drops-an-event",
        function="capture_sales",
        what="the first event of every raw object is not written",
        file="capture_sales/raw_objects.py",
        old="body=_compress(line for _, line in group),",
        new="body=_compress(line for _, line in group[1:]),",
        tests=("test_sales_events.py::test_a_batch_delivered_again_writes_the_same_object",),
    ),
    Mutation(
        name="capture-doubles-events",
        function="capture_sales",
        what="every event is written twice",
        file="capture_sales/raw_objects.py",
        old="body=_compress(line for _, line in group),",
        new="body=_compress(line for _, line in group * 2),",
        tests=("test_sales_events.py::test_an_event_is_stored_once_under_its_date",),
    ),
    Mutation(
        name="capture-doubles-redelivered-batches",
        function="capture_sales",
        what="a batch that is delivered again writes further objects",
        file="capture_sales/raw_objects.py",
        old='key=f"{prefix}/{shard}-{group[0][0]}-{group[-1][0]}.jsonl.gz",',
        new='key=f"{prefix}/{shard}-{group[0][0]}-{datetime.now(UTC):%H%M%S%f}.jsonl.gz",',
        tests=("test_sales_events.py::test_a_batch_delivered_again_writes_the_same_object",),
    ),
    Mutation(
        name="capture-hushes-up-malformed-events",
        function="capture_sales",
        what="a malformed event is counted in the log and kept nowhere",
        file="capture_sales/raw_objects.py",
        old="            reasons[str(malformed)] += 1\n",
        new="            reasons[str(malformed)] += 1\n            continue\n",
        tests=(
            "test_sales_events.py::test_malformed_events_are_rejected_with_their_reason_and_their_neighbours_stored",
        ),
    ),
    # process_orders
    Mutation(
        name="orders-take-no-stock-of-one-product",
        function="process_orders",
        what="the first product of an order keeps its stock",
        file="process_orders/reservation.py",
        old="in islice(order.quantities.items(), start, end)}",
        new="in islice(order.quantities.items(), start + 1, end)}",
        tests=("test_orders.py::test_an_order_is_stored_with_its_totals_and_takes_its_stock",),
    ),
    Mutation(
        name="orders-add-stock",
        function="process_orders",
        what="an order adds to the stock what it should take",
        file="process_orders/reservation.py",
        old="moves = {product: -quantity for",
        new="moves = {product: quantity for",
        tests=("test_orders.py::test_an_order_is_stored_with_its_totals_and_takes_its_stock",),
    ),
    Mutation(
        name="orders-count-a-repeated-message",
        function="process_orders",
        what="a message that comes twice takes the stock twice",
        file="process_orders/transactions.py",
        old='"ConditionExpression": "attribute_not_exists(order_id)",',
        new='"ConditionExpression": "attribute_not_exists(order_id) OR attribute_exists(order_id)",',
        tests=("test_orders.py::test_a_repeated_message_changes_nothing",),
    ),
    Mutation(
        name="orders-sell-what-is-not-there",
        function="process_orders",
        what="an order takes stock that there is not",
        file="process_orders/transactions.py",
        old="    if change < 0:\n",
        new="    if False:\n",
        tests=("test_orders.py::test_of_two_orders_for_the_last_item_one_is_fulfilled",),
    ),
    Mutation(
        name="orders-hush-up-refused-messages",
        function="process_orders",
        what="a message that is no order is taken off the queue as if it had been processed",
        file="process_orders/process_orders.py",
        old='"reason": str(refused)})\n        raise\n',
        new='"reason": str(refused)})\n        return\n',
        tests=("test_orders.py::test_a_large_order_with_an_unknown_product_takes_nothing",),
    ),
]
