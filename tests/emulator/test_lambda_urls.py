"""Function URLs: with a name of this machine, and with cookies."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from .functions import Functions
from .recipe import wait_for

ECHO = """
    import json
    def handler(event, context):
        return {"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "body": json.dumps(event)}
"""


def make_url(functions: Functions, source: str) -> str:
    name = functions.make(source)
    return str(functions.service.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"])


def open_url(endpoint: str, url: str, **headers: str) -> HTTPResponse:
    """Not every system knows names below localhost: the test asks the emulator for the one it means."""
    request = urllib.request.Request(endpoint + urlsplit(url).path, headers={"Host": urlsplit(url).netloc, **headers})
    answer: HTTPResponse = urllib.request.urlopen(request, timeout=20)
    return answer


def test_a_url_has_a_name_below_localhost_and_the_emulators_port(functions: Functions, endpoint: str) -> None:
    url = urlsplit(make_url(functions, ECHO))
    assert (url.hostname or "").endswith(".lambda-url.us-east-1.localhost")
    assert url.port == urlsplit(endpoint).port
    assert open_url(endpoint, url.geturl()).status == 200


def test_cookies_go_both_ways(functions: Functions, endpoint: str) -> None:
    answer = open_url(endpoint, make_url(functions, ECHO), Cookie="session=x; theme=dark")
    assert answer.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]
    assert json.load(answer)["cookies"] == ["session=x", "theme=dark"]
    assert "cookies" not in json.load(open_url(endpoint, make_url(functions, ECHO)))


def test_the_emulators_own_api_gateway_reaches_a_url(
    functions: Functions, aws: Callable[[str], Any], endpoint: str, unique: str
) -> None:
    url = make_url(
        functions, "def handler(event, context):\n    return {'statusCode': 200, 'body': event['rawPath']}\n"
    )
    gateway = aws("apigateway")
    api = gateway.create_rest_api(name=unique)["id"]
    (root,) = gateway.get_resources(restApiId=api)["items"]
    place = {"restApiId": api, "resourceId": root["id"], "httpMethod": "GET"}
    gateway.put_method(**place, authorizationType="NONE")
    gateway.put_integration(**place, type="HTTP_PROXY", integrationHttpMethod="GET", uri=f"{url}from/gateway")
    gateway.create_deployment(restApiId=api, stageName="test")
    with urllib.request.urlopen(f"{endpoint}/_aws/execute-api/{api}/test/", timeout=20) as answer:
        assert answer.read() == b"/from/gateway"


def test_the_emulators_own_sns_reaches_a_url(functions: Functions, aws: Callable[[str], Any], unique: str) -> None:
    queue = aws("sqs").create_queue(QueueName=unique)["QueueUrl"]
    url = make_url(
        functions,
        f"""
        import boto3, json
        sqs = boto3.client("sqs")
        def handler(event, context):
            sqs.send_message(QueueUrl={queue!r}, MessageBody=json.loads(event["body"])["Type"])
            return {{"statusCode": 200}}
        """,
    )
    topic = aws("sns").create_topic(Name=unique)["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    messages = wait_for(
        "the confirmation", lambda: aws("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
    )
    assert messages[0]["Body"] == "SubscriptionConfirmation"
