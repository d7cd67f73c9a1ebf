"""What pages of another origin, and of a name that is made to point here, can make a real browser do to the emulator.

Each way is also taken by a page that the user allows, so that a way that leads nowhere is not taken for a closed door.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.recipe import Emulator

from .conftest import SHOP, Page, Web

EVIL = "evil.example"
Aws = Callable[[str], Any]


def query(queue: str) -> str:
    return f"Action=CreateQueue&QueueName={queue}&Version=2012-11-05"


# What a page does, with ADDRESS of the emulator, QUERY of a call that makes a queue, and its NAME. DONE tells the test.
SENT = "<script>document.forms[0].submit()</script>"
WAYS_WITHOUT_ORIGIN = {
    "image": '<img src="ADDRESS/?QUERY" onload="DONE" onerror="DONE">',
    "image without a referrer": '<img referrerpolicy="no-referrer" src="ADDRESS/?QUERY" onload="DONE" onerror="DONE">',
    "script": '<script src="ADDRESS/?QUERY" onload="DONE" onerror="DONE"></script>',
    "style": '<link rel="stylesheet" href="ADDRESS/?QUERY" onload="DONE" onerror="DONE">',
    "frame": '<iframe src="ADDRESS/?QUERY" onload="DONE"></iframe>',
    "navigation": "<script>location = 'ADDRESS/?QUERY'</script>",
    "form with GET": f'<form action="ADDRESS/">FIELDS</form>{SENT}',
}
AS_A_FORM = "{method: 'POST', mode: 'no-cors', body: new URLSearchParams('QUERY')}"
AS_AN_SDK = (
    "{method: 'POST', body: JSON.stringify({QueueName: 'NAME'}), headers: "
    "{'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.CreateQueue'}}"
)
WAYS_WITH_ORIGIN = {
    "form with POST": f'<form method="POST" action="ADDRESS/">FIELDS</form>{SENT}',
    "fetch": "<script>fetch('ADDRESS/?QUERY').finally(() => DONE)</script>",
    "fetch without CORS": f"<script>fetch('ADDRESS/', {AS_A_FORM}).finally(() => DONE)</script>",
    "fetch with a preflight": f"<script>fetch('ADDRESS/', {AS_AN_SDK}).finally(() => DONE)</script>",
    "beacon": "<script>navigator.sendBeacon('ADDRESS/', new URLSearchParams('QUERY')); DONE</script>",
    "EventSource": "<script>new EventSource('ADDRESS/?QUERY').onerror = () => DONE</script>",
}
WAYS_TO_NOWHERE = {
    "form for an API": f'<form method="POST" action="ADDRESS/restapis/x/_user_request_/y">FIELDS</form>{SENT}',
    "WebSocket": "<script>new WebSocket('WS/?QUERY').onerror = () => DONE</script>",  # the emulator speaks none
}
WAYS = WAYS_WITHOUT_ORIGIN | WAYS_WITH_ORIGIN | WAYS_TO_NOWHERE


def go(page: Page, web: Web, emulator: Emulator, host: str, way: str) -> tuple[str, list[int]]:
    """Has a page of the host go the way; the queue that it would make, and the statuses of the emulator's answers."""
    queue, port = f"of-a-page-{uuid.uuid4().hex[:8]}", emulator.settings.port
    fields = "".join(
        f'<input name="{name}" value="{value}">'
        for name, _, value in (part.partition("=") for part in query(queue).split("&"))
    )
    content = WAYS[way].replace("ADDRESS", f"http://localhost:{port}").replace("WS", f"ws://localhost:{port}")
    content = (
        content.replace("DONE", "document.title = 'done'")
        .replace("QUERY", query(queue))
        .replace("NAME", queue)
        .replace("FIELDS", fields)
    )
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if f":{port}/" in answer.url else None)
    page.goto(web.address(host, content), wait_until="commit")
    page.wait_for_function(f"document.title === 'done' || location.port === '{port}'", timeout=60_000)
    page.wait_for_timeout(200)  # what a beacon sends nobody can wait for
    return queue, answers


def queues(aws: Aws) -> list[str]:
    found: list[str] = aws("sqs").list_queues(QueueNamePrefix="of-a-page-").get("QueueUrls", [])
    return [url.rpartition("/")[2] for url in found]


@pytest.mark.parametrize("way", WAYS)
def test_no_page_of_others_makes_anything(page: Page, web: Web, emulator: Emulator, aws: Aws, way: str) -> None:
    queue, answers = go(page, web, emulator, EVIL, way)
    assert queue not in queues(aws)
    assert set(answers) <= {403}


# A page that is allowed asks with its Origin: without one, others could make it ask.
@pytest.mark.parametrize("way", WAYS_WITH_ORIGIN)
def test_a_page_that_the_user_allows_goes_the_same_ways(
    page: Page, web: Web, emulator: Emulator, aws: Aws, way: str
) -> None:
    queue, _ = go(page, web, emulator, SHOP, way)
    assert queue in queues(aws)


REBINDING = """async () => {
    const answers = {};
    for (const [path, options] of [
        ['/?Action=GetCallerIdentity&Version=2011-06-15', {}],
        ['/_localstack/health', {}],
        ['/2015-03-31/functions/', {}],
        ['/_stockroom/state/moment', {method: 'POST', headers: {'X-Stockroom': '1'}}],
        ['/', {method: 'POST', body: '{}', headers: {
            'X-Amz-Target': 'secretsmanager.ListSecrets', 'Content-Type': 'application/x-amz-json-1.1',
            'Authorization': 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request'}}],
    ]) answers[path] = (await fetch(path, options)).status;
    return answers;
}"""


@pytest.mark.parametrize("host", ["rebound.example", "a.execute-api.rebound.example", "x.s3.rebound.example"])
def test_a_name_that_is_made_to_point_here_reaches_nothing(page: Page, emulator: Emulator, host: str) -> None:
    shown = page.goto(f"http://{host}:{emulator.settings.port}/")
    assert shown.status == 403
    assert "is no name of this platform" in page.content()
    assert set(page.evaluate(REBINDING).values()) == {403}


def test_the_same_requests_are_answered_to_a_page_of_the_platform(page: Page, emulator: Emulator) -> None:
    page.goto(f"{emulator.endpoint}/_localstack/health")
    assert set(page.evaluate(REBINDING).values()) == {200}


def test_a_page_of_others_sees_a_failure_and_no_more(page: Page, web: Web, emulator: Emulator) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(web.address(EVIL, ""))
    address = f"http://localhost:{emulator.settings.port}/_localstack/health"
    assert (
        page.evaluate("address => fetch(address).then(() => 'answered', error => error.name)", address) == "TypeError"
    )
    assert any("CORS" in line for line in told)


def test_an_objects_page_has_no_scripts_and_no_origin(page: Page, emulator: Emulator, aws: Aws) -> None:
    bucket = f"page-{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket)
    script = b"<title>still</title><script>document.title = 'ran'</script>"
    aws("s3").put_object(Bucket=bucket, Key="page.html", Body=script, ContentType="text/html")
    page.goto(f"{emulator.endpoint}/{bucket}/page.html")
    assert page.title() == "still"


def test_a_link_from_elsewhere_opens_a_site(page: Page, web: Web, emulator: Emulator, aws: Aws) -> None:
    bucket = f"site-{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    content = b"<title>Shop</title><script>document.title = 'The shop'</script>"
    aws("s3").put_object(Bucket=bucket, Key="index.html", Body=content, ContentType="text/html")
    site = f"http://{bucket}.s3-website.localhost:{emulator.settings.port}/"
    page.goto(web.address(EVIL, f'<a href="{site}">shop</a>'))
    page.click("a")
    page.wait_for_url(site)
    assert page.title() == "The shop"
    # Its pages are the site's, and not the platform's.
    asked = "address => fetch(address).then(answer => answer.status, () => 'no answer')"
    assert page.evaluate(asked, "/?Action=GetCallerIdentity&Version=2011-06-15") == 200  # the index once more
    assert page.evaluate(asked, f"http://localhost:{emulator.settings.port}/_localstack/health") == "no answer"
