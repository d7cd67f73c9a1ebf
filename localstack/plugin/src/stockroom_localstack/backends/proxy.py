"""Passes AWS requests on to a backend process, over connections that stay open.

LocalStack's own proxy builds a second request by way of a whole AWS client, signs it, and for Kinesis opens a new
connection each time. The backends are on this machine and check no signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.serialize import create_serializer  # type: ignore[import-untyped]
from localstack.aws.api import RequestContext
from localstack.aws.client import parse_response, raise_service_exception
from localstack.aws.forwarder import AwsRequestProxy
from localstack.http import Response

CONNECTIONS = 64  # that are kept; more are opened when they are needed, and closed afterwards
SENT_ON = ("Accept", "Authorization", "Content-Type", "X-Amz-Target", "X-Amz-Date", "X-Amz-Security-Token")


@cache
def connections_to(url: str) -> urllib3.HTTPConnectionPool:
    """A pool of connections that are used again; safe for threads."""
    return urllib3.connection_from_url(url, maxsize=CONNECTIONS)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
    """Send a POST request over a connection that stays open. Raises urllib3's HTTPError."""
    return connections_to(url).request("POST", urlsplit(url).path, body=body, headers=headers, retries=False)


class BackendProxy(AwsRequestProxy):
    """LocalStack's interface: called with a request context, it returns the backend's answer as a dict.

    Raises ServiceException for an error of the backend, urllib3's HTTPError when it does not answer.
    """

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url

    def forward(self, context: RequestContext, service_request: Any = None) -> Any:
        if service_request is None:
            response = self.pass_on(context)
        else:
            # The protocol of the caller, so that headers and answer fit what was asked for.
            made = create_serializer(context.protocol, include_validation=False).serialize_to_request(
                service_request, context.operation
            )
            response = self._send(made["body"], {**headers_of(context), **made["headers"]})
        return result_of(context, response)

    def pass_on(self, context: RequestContext) -> Response:
        """The backend's answer, as it comes, to the request with the body that LocalStack left it."""
        return self._send(context.request.data, headers_of(context))

    def _send(self, body: bytes, headers: Mapping[str, str]) -> Response:
        return as_response(post(self.endpoint_url, body, headers))


def as_response(answer: urllib3.BaseHTTPResponse) -> Response:
    """A backend's answer as the gateway passes it on."""
    response = Response(answer.data, answer.status)
    response.headers.clear()
    for name, value in answer.headers.items():
        response.headers.add(name, value)
    return response


def result_of(context: RequestContext, response: Response) -> Any:
    """What a backend's answer says, parsed. Raises ServiceException for an error."""
    assert context.operation
    assert context.protocol
    parsed = parse_response(context.operation, context.protocol, response, include_response_metadata=False)
    raise_service_exception(response, parsed)
    return parsed


def headers_of(context: RequestContext) -> dict[str, str]:
    """The headers of a request that a backend needs."""
    return {name: context.request.headers[name] for name in SENT_ON if name in context.request.headers}
