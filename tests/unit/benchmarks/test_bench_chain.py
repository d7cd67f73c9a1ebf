import json

import pytest

from benchmarks.chain import Chain, dependencies, longest_chain, resource_seconds


def event(kind: str, address: str, second: float, action: str = "create") -> str:
    hook = {"resource": {"addr": address}, "action": action, "elapsed_seconds": 1}
    line = {"@timestamp": f"2026-01-02T03:04:{second:09.6f}Z", "type": kind, "hook": hook}
    return json.dumps(line, separators=(",", ":"))


def test_seconds_of_resources_are_from_start_to_end() -> None:
    lines = [
        "--- apply -json",
        event("apply_start", "aws_sqs_queue.a", 1.25),
        event("apply_start", "data.aws_region.here", 1.5, "read"),
        event("apply_progress", "aws_sqs_queue.a", 11),
        event("apply_complete", "data.aws_region.here", 12, "read"),
        event("apply_complete", "aws_sqs_queue.a", 26.75),
        event("apply_start", "aws_s3_bucket.never_ends", 27),
        event("apply_complete", "aws_s3_bucket.never_began", 28),
        "not JSON",
    ]
    assert resource_seconds("\n".join(lines)) == {"aws_sqs_queue.a": 25.5}


def test_dependencies_are_of_resources_without_their_index() -> None:
    state = {
        "resources": [
            {"type": "aws_sqs_queue", "name": "main", "module": 'module.queue["a"]', "instances": [{}]},
            {
                "type": "aws_lambda_function",
                "name": "one",
                "instances": [
                    {"dependencies": ["module.queue.aws_sqs_queue.main"]},
                    {"dependencies": ["aws_iam_role.one[0]"]},
                ],
            },
        ]
    }
    assert dependencies(state) == {
        "module.queue.aws_sqs_queue.main": set(),
        "aws_lambda_function.one": {"module.queue.aws_sqs_queue.main", "aws_iam_role.one"},
    }


def test_the_longest_chain_is_the_slowest_way_through_the_graph() -> None:
    seconds = {'a["x"]': 25.0, 'a["y"]': 20.0, "b": 10.0, "c": 30.0, "d": 1.0}
    needs = {"b": {"a"}, "c": set(), "d": {"b", "c"}, "a": {"not_made_now"}}
    assert longest_chain(seconds, needs) == Chain((("a", 25.0), ("b", 10.0), ("d", 1.0)))
    assert longest_chain(seconds, needs).seconds == 36.0


def test_what_took_no_time_now_still_links_its_neighbours() -> None:
    assert longest_chain({"a": 3.0, "c": 2.0}, {"c": {"b"}, "b": {"a"}}).links == (("a", 3.0), ("c", 2.0))


def test_an_apply_that_made_nothing_has_an_empty_chain() -> None:
    assert longest_chain({}, {}) == Chain()
    assert Chain().seconds == pytest.approx(0)
