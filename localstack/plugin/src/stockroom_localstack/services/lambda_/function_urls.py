"""Function URLs: with a name that this machine knows, and cookies.

LocalStack's have a name below the emulator's IP address, which nobody can look up. Names below `localhost` are this
machine's (RFC 6761): browsers, curl and most systems know it, and what runs in the emulator, such as API Gateway and
SNS, is told here.
"""

from __future__ import annotations

import json
import socket
from functools import cache
from typing import Any

from localstack import config
from localstack.http import Response
from localstack.services.lambda_ import provider, urlrouter
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.utils.net import is_ip_address
from localstack.utils.patch import patch
from localstack.utils.urls import localstack_host
from rolo.request import Request

LOOPBACK = "127.0.0.1"
HERE = ".localhost"


@cache
def apply_patches() -> None:
    """Resolve names below localhost, tell URLs with them, and pass cookies on. None of this has a seam."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        here = isinstance(host, str) and host.lower().rstrip(".").endswith(HERE)
        return resolve(LOOPBACK if here else host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo

    def host_of_urls(custom_port: int | None = None) -> config.HostAndPort:
        known = localstack_host(custom_port)
        return config.HostAndPort("localhost", known.port) if is_ip_address(known.host) else known

    vars(provider)["localstack_host"] = host_of_urls

    @patch(urlrouter.event_for_lambda_url)
    def event_for_lambda_url(original: Any, api_id: str, request: Request) -> dict[str, Any]:
        event: dict[str, Any] = original(api_id, request)
        if cookies := request.headers.getlist("Cookie"):
            event["cookies"] = [cookie.strip() for each in cookies for cookie in each.split(";")]
        return event

    @patch(urlrouter.lambda_result_to_response)
    def lambda_result_to_response(original: Any, result: InvocationResult) -> Response:
        response: Response = original(result)
        for cookie in _cookies(result.payload):
            response.headers.add("Set-Cookie", cookie)
        return response


def _cookies(payload: bytes | None) -> list[str]:
    try:
        answer = json.loads(payload or b"")
    except ValueError:
        return []
    cookies = answer.get("cookies") if isinstance(answer, dict) else None
    return [str(cookie) for cookie in cookies] if isinstance(cookies, list) else []
