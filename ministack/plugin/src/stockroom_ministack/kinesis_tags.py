"""A stream that is made with tags has them."""

from typing import Any

from ministack.services import kinesis


def patch() -> None:
    """Have CreateStream store the tags that it is given."""
    create = kinesis._create_stream

    def create_stream(request: dict[str, Any]) -> Any:
        answer = create(request)
        if answer[0] == 200:
            kinesis._streams[request["StreamName"]]["tags"].update(request.get("Tags") or {})
        return answer

    kinesis._create_stream = create_stream
