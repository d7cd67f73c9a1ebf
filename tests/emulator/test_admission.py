"""Who may ask the emulator for what: requests as browsers and programs send them, over real connections."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

SECONDS = 30
EVIL = "http://evil.example"
Pairs = list[tuple[str, str]]


def ask(
    endpoint: str, method: str, target: str, headers: Pairs | None = None, *, host: str | None = None, body: bytes = b""
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Status, body and headers of the answer. host: None is what a client of the endpoint sends; "": none at all. In
    what is sent, PORT stands for the endpoint's."""
    address = urlsplit(endpoint)
    names = address.netloc if host is None else host
    lines = [f"{method} {target} HTTP/1.1", *(f"Host: {name}" for name in names.split("|") if name)]
    lines += [f"{name}: {value}" for name, value in headers or []]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "\r\n"]
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        connection.sendall("\r\n".join(lines).replace("PORT", str(address.port)).encode("latin-1") + body)
        with closing(http.client.HTTPResponse(connection, method=method)) as response:
            response.begin()
            return response.status, response.read(), response.headers


def is_refused(answer: tuple[int, bytes, http.client.HTTPMessage]) -> bool:
    return answer[0] == 403 and answer[1].startswith(b"Stockroom: ")


HOSTS_OF_OURS = [
    "127.0.0.1:PORT",
    "localhost:PORT",
    "LOCALHOST:PORT",
    "localhost.:PORT",
    "localhost",  # the port is not looked at: a tunnel may have another
    "127.0.0.1:8080",
    "[::1]:PORT",
    "sqs.us-east-1.localhost:PORT",
    "bucket.s3.localhost:PORT",
    "s3.us-east-1.127.0.0.1:PORT",
]

OTHER_HOSTS = [
    "evil.example:PORT",
    "a.execute-api.evil.example:PORT",
    "x.lambda-url.us-east-1.evil.example:PORT",
    "bucket.s3.evil.example:PORT",
    "bucket.s3-website.evil.example:PORT",
    "localhost.evil.example:PORT",
    "evil-localhost:PORT",
    "127.0.0.1.evil.example:PORT",
    "127.0.0.1.nip.io:PORT",
    "localhost.localstack.cloud:PORT",
    "s3.localhost.localstack.cloud:PORT",
    "localhost.localstack.cloud.evil.example:PORT",
    "2130706433:PORT",
    "0x7f000001:PORT",
    "0177.0.0.1:PORT",
    "127.1:PORT",
    "0.0.0.0:PORT",
    "[::]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "localhost@evil.example:PORT",
    "evil.example@localhost:PORT",
    "evil.example#localhost:PORT",
    "localhost, evil.example",
    "localhost..:PORT",
    ".localhost:PORT",
    "localhost:PORT:PORT",
    "localhost:",
    "loc\xe4lhost:PORT",
    "",
    "127.0.0.1:PORT|evil.example",
    "127.0.0.1:PORT|127.0.0.1:PORT",
]


@pytest.mark.parametrize("host", HOSTS_OF_OURS)
def test_names_of_the_platform_are_answered(endpoint: str, host: str) -> None:
    assert ask(endpoint, "GET", "/_localstack/health", host=host)[0] == 200


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_every_other_name_is_refused(endpoint: str, host: str) -> None:
    own = [("X-Stockroom", "1")]
    assert is_refused(ask(endpoint, "GET", "/_localstack/health", host=host))
    assert is_refused(ask(endpoint, "POST", "/_stockroom/state/moment", own, host=host))
    assert is_refused(ask(endpoint, "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", host=host))


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("http://evil.example/_localstack/health", []),
        ("http://evil.example@127.0.0.1:PORT/_localstack/health", []),
        ("http://localhost:PORT/_localstack/health", []),  # Host is 127.0.0.1
        ("ftp://127.0.0.1:PORT/_localstack/health", []),
        ("*", []),
    ],
)
def test_a_first_line_that_names_another_host_is_refused(endpoint: str, target: str, headers: Pairs) -> None:
    assert is_refused(ask(endpoint, "GET", target, headers))


SIGNED = ("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, Signature=x")


@pytest.mark.parametrize("host", ["localhost.localstack.cloud:PORT", "sts.us-east-1.localhost.localstack.cloud:PORT"])
def test_a_public_name_is_for_signed_requests_of_programs(endpoint: str, host: str) -> None:
    """Browsers do not tell this name where a request comes from, and its DNS may lead elsewhere first."""
    asked = "/?Action=GetCallerIdentity&Version=2011-06-15"
    assert ask(endpoint, "GET", asked, [SIGNED], host=host)[0] == 200
    assert is_refused(ask(endpoint, "GET", asked, [], host=host))
    for of_a_browser in (
        ("Accept-Language", "en"),
        ("Origin", "http://localhost.localstack.cloud:PORT"),
        ("Referer", "http://localhost.localstack.cloud:PORT/"),
        ("Sec-Fetch-Site", "same-origin"),
    ):
        assert is_refused(ask(endpoint, "GET", asked, [SIGNED, of_a_browser], host=host))
    assert is_refused(ask(endpoint, "GET", asked, [("Authorization", "Basic dGVzdDp0ZXN0")], host=host))


def test_what_a_proxy_would_add_makes_no_name_ours(endpoint: str) -> None:
    forwarded = [("X-Forwarded-Host", "localhost"), ("Forwarded", "host=localhost"), ("X-Host", "localhost")]
    assert is_refused(ask(endpoint, "GET", "/", forwarded, host="evil.example"))


NO_REFERRER = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]
NAVIGATION = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]

PAGES_OF_OTHERS: list[Pairs] = [
    NO_REFERRER,
    NAVIGATION,
    [("Sec-Fetch-Site", "same-site")],
    [("sec-fetch-site", "cross-site")],
    [("Sec-Fetch-Site", "Cross-Site")],
    [("Sec-Fetch-Site", "something-new")],
    [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
    [("Sec-Fetch-Site", "same-origin, cross-site")],
    [("Origin", EVIL)],
    [("Origin", "null")],
    [("Origin", "")],
    [("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
    [("Origin", EVIL), ("Sec-Fetch-Site", "none")],
    [("Origin", "file://")],
    [("Origin", "https://app.localstack.cloud")],
    [("Origin", "http://app.localstack.cloud")],
    [("Origin", "http://localhost.localstack.cloud:PORT")],
    [("Origin", "https://localhost.localstack.cloud")],
    [("Origin", "http://site.s3-website.localhost:PORT")],
    [("Origin", "http://x.execute-api.localhost:PORT")],
    [("Origin", "http://x.cloudfront.127.0.0.1:80")],
    [("Origin", "http://localhost:3000")],
    [("Origin", "http://127.0.0.1:3000")],
    [("Origin", "https://localhost")],
    [("Origin", "http://localhost")],
    [("Origin", "http://localhost:PORT@evil.example")],
    [("Origin", "http://localhost:PORT.evil.example")],
    [("Origin", "http://localhost:PORT/")],
    [("Origin", "chrome-extension://abcdefgh")],
    [("Origin", "http://127.0.0.1:PORT"), ("Origin", EVIL)],
    [("Origin", f"http://127.0.0.1:PORT, {EVIL}")],
    [("Origin", "http://127.0.0.1:PORT"), ("Referer", f"{EVIL}/page")],
    [("Referer", f"{EVIL}/http://127.0.0.1:PORT/")],
    [("Referer", "http://localhost:3000/")],
    [("Referer", "http://127.0.0.1:PORT/page"), ("Sec-Fetch-Site", "cross-site")],  # by way of a redirect
    [("Referer", "http://[")],
    [("Referer", "")],
]

FORM = ("Content-Type", "application/x-www-form-urlencoded")
CREATE_QUEUE = b"Action=CreateQueue&QueueName=of-a-page&Version=2012-11-05"
TO_AN_API_OF_AWS: list[tuple[str, str, Pairs, bytes]] = [
    ("GET", "/?Action=CreateQueue&QueueName=of-a-page&Version=2012-11-05", [], b""),
    ("GET", "/000000000000/of-a-page?Action=SendMessage&MessageBody=x", [], b""),
    ("GET", "/some-bucket/key?Action=CreateQueue&QueueName=of-a-page", [], b""),
    ("POST", "/", [FORM], CREATE_QUEUE),
    ("POST", "/some-bucket", [FORM], CREATE_QUEUE),
    ("POST", "/restapis/x/_user_request_/y", [FORM], CREATE_QUEUE),
    ("POST", "/_aws/execute-api", [FORM], CREATE_QUEUE),
    ("POST", "/_aws/execute-api/", [FORM], CREATE_QUEUE),
    ("POST", "/2015-03-31/functions", [("Content-Type", "text/plain")], b"{}"),
    ("POST", "/_stockroom/state/moment", [], b""),
    ("POST", "/_localstack/health", [("Content-Type", "text/plain")], b'{"action":"nothing"}'),
    ("OPTIONS", "/", [("Access-Control-Request-Method", "POST")], b""),
    ("OPTIONS", "/_stockroom/state/load", [("Access-Control-Request-Method", "POST")], b""),
    ("OPTIONS", "*", [], b""),
]


@pytest.mark.parametrize("page", PAGES_OF_OTHERS, ids=str)
def test_pages_of_others_reach_no_api_of_aws(endpoint: str, page: Pairs) -> None:
    answered = [
        f"{method} {target}"
        for method, target, headers, body in TO_AN_API_OF_AWS
        if not is_refused(ask(endpoint, method, target, [*headers, *page], body=body))
    ]
    assert answered == []


def test_and_have_no_effect(endpoint: str, aws: Callable[[str], Any]) -> None:
    for method, target, headers, body in TO_AN_API_OF_AWS:
        ask(endpoint, method, target, [*headers, *NO_REFERRER], body=body)
    assert "QueueUrls" not in aws("sqs").list_queues(QueueNamePrefix="of-a-page")


@pytest.mark.parametrize(
    "page",
    [
        [],
        [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")],
        [("Sec-Fetch-Site", "same-origin")],
        [("Origin", "http://127.0.0.1:PORT")],
        [("Origin", "http://localhost:PORT"), ("Sec-Fetch-Site", "cross-site")],
        [("Referer", "http://127.0.0.1:PORT/some/page"), ("Sec-Fetch-Site", "same-origin")],
    ],
    ids=str,
)
def test_programs_and_pages_of_the_platform_are_answered(endpoint: str, page: Pairs) -> None:
    assert ask(endpoint, "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", page)[0] == 200


def test_a_page_behind_a_tunnel_is_of_the_platform(endpoint: str) -> None:
    page = [("Origin", "http://localhost:8080"), ("Sec-Fetch-Site", "same-origin")]
    assert ask(endpoint, "GET", "/_localstack/health", page, host="localhost:8080")[0] == 200


def test_what_is_refused_says_what_to_do(endpoint: str) -> None:
    _, body, headers = ask(endpoint, "GET", "/", [("Origin", "http://localhost:3000")])
    assert b"STOCKROOM_ALLOWED_ORIGINS" in body
    assert b"http://localhost:3000" in body
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def test_a_body_that_is_refused_is_not_waited_for(endpoint: str) -> None:
    """Neither is it asked for, nor kept."""
    address = urlsplit(endpoint)
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        connection.sendall(
            b"PUT /bucket/key HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        connection.sendall(b"abc")
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_an_objects_page_is_no_page_of_the_platform(endpoint: str, aws: Callable[[str], Any], unique: str) -> None:
    """Whoever can write an object could otherwise act as the developer who looks at it."""
    aws("s3").create_bucket(Bucket=unique)
    aws("s3").put_object(Bucket=unique, Key="page.html", Body=b"<script></script>", ContentType="text/html")
    shown = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Dest", "document")]
    assert ask(endpoint, "GET", f"/{unique}/page.html", shown)[2]["Content-Security-Policy"] == "sandbox"
    assert ask(endpoint, "GET", f"/{unique}/page.html")[2]["Content-Security-Policy"] is None
