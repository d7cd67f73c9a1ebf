import json

import pytest

from functions.shop.take_returns.take_returns import record_of


def test_a_message_becomes_a_record() -> None:
    record = record_of(json.dumps({"id": "1", "text": "hello", "colour": "blue"}))
    assert record == {"id": "1", "text": "hello", "stored_by": "take_returns"}


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"id": "1"}', '{"id": 1, "text": "a"}', '{"id": "", "text": "a"}'])
def test_any_other_message_is_refused(body: str) -> None:
    with pytest.raises(ValueError):
        record_of(body)
