"""InvokeWithResponseStream of a function that gives its response in one piece, as those of Python do on AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import batched

from localstack.aws.api.lambda_ import InvocationResponse
from localstack.aws.protocol.serializer import RestJSONResponseSerializer
from localstack.http import Response

CONTENT_TYPE = "application/vnd.amazon.eventstream"
LARGEST_CHUNK = 64 * 2**10


def as_stream(invoked: InvocationResponse) -> Response:
    """An answer of Invoke as InvokeWithResponseStream gives it."""
    headers = {
        "Content-Type": CONTENT_TYPE,
        "X-Amzn-Remapped-Content-Type": "application/octet-stream",
        "X-Amz-Executed-Version": str(invoked["ExecutedVersion"]),
    }
    return Response(response=b"".join(_events(invoked)), status=200, headers=headers)


def _events(invoked: InvocationResponse) -> Iterator[bytes]:
    encode = RestJSONResponseSerializer()._encode_event_payload
    payload: bytes = invoked.get("Payload") or b""  # type: ignore[assignment]  # the API's type is for what is read
    for chunk in batched(payload, LARGEST_CHUNK, strict=False):
        yield encode("PayloadChunk", bytes(chunk))
    completed = {"LogResult": invoked["LogResult"]} if "LogResult" in invoked else {}
    if error := invoked.get("FunctionError"):
        completed |= {"ErrorCode": str(error), "ErrorDetails": payload.decode(errors="replace")}
    yield encode("InvokeComplete", json.dumps(completed))
