"""What the platform serves to pages of other origins, as AWS does, and that it is nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .functions import Functions, client
from .test_admission import CREATE_QUEUE, FORM, NAVIGATION, NO_REFERRER, Pairs, ask, is_refused

SHOP = "https://shop.example"
FROM_SHOP: Pairs = [("Origin", SHOP), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors")]
FROM_EVIL: Pairs = [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors")]
Aws = Callable[[str], Any]


@pytest.fixture(scope="module")
def api(aws: Aws) -> str:
    """A deployed REST API, stage `live`, whose own OPTIONS method allows the shop."""
    gateway = aws("apigateway")
    made = gateway.create_rest_api(name="applications")
    resource = gateway.get_resources(restApiId=made["id"])["items"][0]["id"]
    for method in ("GET", "POST", "OPTIONS"):
        where = {"restApiId": made["id"], "resourceId": resource, "httpMethod": method}
        gateway.put_method(**where, authorizationType="NONE")
        gateway.put_method_response(
            **where, statusCode="200", responseParameters={"method.response.header.Access-Control-Allow-Origin": True}
        )
        template = {
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "passthroughBehavior": "WHEN_NO_MATCH",
        }
        gateway.put_integration(**where, type="MOCK", **template)
        gateway.put_integration_response(
            **where,
            statusCode="200",
            responseParameters={"method.response.header.Access-Control-Allow-Origin": f"'{SHOP}'"},
            responseTemplates={"application/json": '{"of": "the api"}'},
        )
    gateway.create_deployment(restApiId=made["id"], stageName="live")
    return str(made["id"])


@pytest.fixture
def bucket(aws: Aws, unique: str) -> str:
    aws("s3").create_bucket(Bucket=unique)
    aws("s3").put_object(Bucket=unique, Key="key", Body=b"of the bucket")
    return unique


@pytest.fixture
def open_bucket(aws: Aws, bucket: str) -> str:
    """Its own configuration allows the shop to read and to put."""
    rule = {"AllowedOrigins": [SHOP], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"]}
    aws("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    return bucket


def hosts_of(api: str) -> list[tuple[str | None, str]]:
    """Host and path of the stage, in every form."""
    return [
        (None, f"/_aws/execute-api/{api}/live"),
        (None, f"/restapis/{api}/live/_user_request_"),
        (f"{api}.execute-api.localhost:PORT", "/live"),
        (f"{api}.execute-api.us-east-1.localhost:PORT", "/live"),
        (f"{api}.execute-api.localhost.localstack.cloud:PORT", "/live"),
    ]


@pytest.mark.parametrize("form", range(5))
def test_a_deployed_api_answers_pages_with_its_own_cors(endpoint: str, api: str, form: int) -> None:
    host, stage = hosts_of(api)[form]
    preflight = [*FROM_SHOP, ("Access-Control-Request-Method", "POST")]
    for method, headers in (("OPTIONS", preflight), ("GET", FROM_SHOP)):
        status, _, answered = ask(endpoint, method, f"{stage}/", headers, host=host)
        assert status == 200
        assert answered["Access-Control-Allow-Origin"] == SHOP
    # As on AWS: the browser, which is told that the shop may, does not let others read it.
    status, _, answered = ask(endpoint, "GET", f"{stage}/", FROM_EVIL, host=host)
    assert (status, answered["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert ask(endpoint, "GET", f"{stage}/", NAVIGATION, host=host)[0] == 200


@pytest.mark.parametrize("form", range(5))
def test_no_form_for_an_api_reaches_an_api_of_aws(endpoint: str, aws: Aws, api: str, form: int) -> None:
    host, stage = hosts_of(api)[form]
    for target in (f"{stage}/", stage, stage.replace(api, "nothing"), f"{stage}/../..", "/", "/_localstack/health"):
        status, body, _ = ask(endpoint, "POST", target, [FORM, *FROM_EVIL], host=host, body=CREATE_QUEUE)
        assert b"CreateQueueResponse" not in body, (status, target)
    assert "QueueUrls" not in aws("sqs").list_queues(QueueNamePrefix="of-a-page")


ELSEWHERE = [
    ("GET", "/?Action=GetCallerIdentity&Version=2011-06-15"),
    ("POST", "/2015-03-31/functions"),
    ("GET", "/000000000000/queue?Action=ReceiveMessage"),
    ("GET", "/_localstack/health"),
    ("POST", "/_stockroom/state/moment"),
    ("GET", "/_aws/sqs/messages?QueueUrl=x"),
    ("GET", "/openapi.yaml"),
]


@pytest.mark.parametrize(
    "page", [[], [("Sec-Fetch-Site", "same-origin")], NO_REFERRER], ids=["program", "own", "other"]
)
@pytest.mark.parametrize("kind", ["execute-api", "lambda-url.us-east-1", "s3-website"])
def test_the_host_of_an_application_reaches_nothing_else(endpoint: str, kind: str, page: Pairs) -> None:
    """What a site shows, and what it includes, is no page of the platform's."""
    for method, target in ELSEWHERE:
        host = f"{uuid.uuid4().hex[:10]}.{kind}.localhost:PORT"
        status, body, _ = ask(endpoint, method, target, [*page, ("X-Stockroom", "1")], host=host)
        assert status in (403, 404, 405), (target, status)
        for word in (b"GetCallerIdentityResult", b'"moment"', b'"services"', b"ReceiveMessageResult", b"openapi:"):
            assert word not in body


def test_a_page_of_an_api_under_a_path_is_one_of_the_platform(endpoint: str, api: str) -> None:
    """Under a host of its own it is not."""
    shown = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Dest", "document")]
    host, stage = hosts_of(api)[0]
    assert ask(endpoint, "GET", f"{stage}/", shown, host=host)[2]["Content-Security-Policy"] is None


def test_a_function_url_answers_pages_as_its_function_does(endpoint: str, aws: Aws, functions: Functions) -> None:
    answer = {"statusCode": 200, "headers": {"X-Of": "function"}, "body": "hello"}
    name = functions.make(f"def handler(event, context):\n    return {answer}\n")
    url = aws("lambda").create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    host = f"{url.partition('//')[2].partition('.')[0]}.lambda-url.us-east-1.localhost:PORT"
    for page in ([], NAVIGATION, NO_REFERRER, FROM_EVIL):
        status, body, headers = ask(endpoint, "GET", "/?Action=CreateQueue&QueueName=of-a-page", page, host=host)
        assert (status, body, headers["X-Of"]) == (200, b"hello", "function")
        assert headers["Access-Control-Allow-Origin"] is None


def test_a_site_opens_from_everywhere(endpoint: str, aws: Aws, bucket: str) -> None:
    aws("s3").put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    aws("s3").put_object(Bucket=bucket, Key="index.html", Body=b"<h1>Shop</h1>", ContentType="text/html")
    for host in (f"{bucket}.s3-website.localhost:PORT", f"{bucket}.s3-website.localhost.localstack.cloud:PORT"):
        for page in ([], NAVIGATION, NO_REFERRER):
            status, body, headers = ask(endpoint, "GET", "/", page, host=host)
            assert (status, body, headers["Content-Security-Policy"]) == (200, b"<h1>Shop</h1>", None)


def test_a_bucket_answers_whom_its_own_configuration_allows(endpoint: str, aws: Aws, open_bucket: str) -> None:
    for host, path in ((None, f"/{open_bucket}/key"), (f"{open_bucket}.s3.localhost:PORT", "/key")):
        status, body, headers = ask(endpoint, "GET", path, FROM_SHOP, host=host)
        assert (status, body, headers["Access-Control-Allow-Origin"]) == (200, b"of the bucket", SHOP)
        preflight = [*FROM_SHOP, ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-a")]
        assert ask(endpoint, "OPTIONS", path, preflight, host=host)[0] == 200
        assert ask(endpoint, "PUT", path, FROM_SHOP, host=host, body=b"of the bucket")[0] == 200


@pytest.mark.parametrize(
    ("method", "query", "page"),
    [
        ("GET", "", FROM_EVIL),
        ("PUT", "", FROM_EVIL),
        ("DELETE", "", FROM_SHOP),
        ("POST", "?delete", FROM_SHOP),
        ("OPTIONS", "", [*FROM_EVIL, ("Access-Control-Request-Method", "PUT")]),
        ("OPTIONS", "", [*FROM_SHOP, ("Access-Control-Request-Method", "DELETE")]),
        ("GET", "", NO_REFERRER),
        ("GET", "", NAVIGATION),
        ("GET", "?Action=CreateQueue&QueueName=of-a-page", FROM_SHOP),
        ("GET", "?acl&%41ction=CreateQueue&QueueName=of-a-page", FROM_SHOP),
    ],
    ids=str,
)
def test_and_nobody_else(endpoint: str, aws: Aws, open_bucket: str, method: str, query: str, page: Pairs) -> None:
    for path in (f"/{open_bucket}", f"/{open_bucket}/key"):
        assert is_refused(ask(endpoint, method, f"{path}{query}", page, body=CREATE_QUEUE if method == "POST" else b""))
    assert aws("s3").get_object(Bucket=open_bucket, Key="key")["Body"].read() == b"of the bucket"


def test_a_bucket_that_is_named_like_an_account_is_no_way_to_queues(endpoint: str, aws: Aws) -> None:
    name = f"{uuid.uuid4().int % 10**12:012}"
    aws("s3").create_bucket(Bucket=name)
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "POST"], "AllowedHeaders": ["*"]}
    aws("s3").put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [rule]})
    queue = ask(endpoint, "POST", f"/{name}/queue", [FORM, *FROM_EVIL], body=b"Action=ReceiveMessage")
    assert is_refused(queue)


def form_upload(endpoint: str, bucket: str, access: dict[str, str], secret: str | None = None, **changed: str) -> int:
    """Status of a form upload from another origin. secret: that signs the policy, instead of that of `access`."""
    now = datetime.now(UTC)
    scope = [f"{now:%Y%m%d}", "us-east-1", "s3", "aws4_request"]
    credential = "/".join([access["AccessKeyId"], *scope])
    conditions: list[Any] = [{"bucket": bucket}, ["starts-with", "$key", "upload"], {"x-amz-credential": credential}]
    conditions += [{"x-amz-algorithm": "AWS4-HMAC-SHA256"}, ["starts-with", "$x-amz-date", ""]]
    policy = {"expiration": f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%S.000Z}", "conditions": conditions}
    encoded = base64.b64encode(json.dumps(policy).encode()).decode()
    signing = f"AWS4{secret or access['SecretAccessKey']}".encode()
    for part in scope:
        signing = hmac.digest(signing, part.encode(), hashlib.sha256)
    fields = {
        "key": "uploaded",
        "policy": encoded,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": credential,
        "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}",
        "x-amz-signature": hmac.digest(signing, encoded.encode(), hashlib.sha256).hex(),
    } | changed
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    parts += ['--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\ncontent\r\n--B--\r\n']
    headers = [("Content-Type", "multipart/form-data; boundary=B"), *FROM_EVIL]
    return ask(endpoint, "POST", f"/{bucket}", headers, body="".join(parts).encode())[0]


def test_a_form_upload_needs_a_policy_that_is_signed_here(endpoint: str, aws: Aws, bucket: str) -> None:
    user = aws("iam").create_user(UserName=bucket)["User"]["UserName"]
    key = aws("iam").create_access_key(UserName=user)["AccessKey"]
    assert form_upload(endpoint, bucket, key) == 204
    assert aws("s3").get_object(Bucket=bucket, Key="uploaded")["Body"].read() == b"content"
    aws("s3").delete_object(Bucket=bucket, Key="uploaded")
    assert form_upload(endpoint, bucket, key, key="elsewhere") == 403
    assert form_upload(endpoint, bucket, key, secret="guessed") == 403
    assert form_upload(endpoint, bucket, key, policy="") == 403
    assert form_upload(endpoint, bucket, key, **{"x-amz-signature": ""}) == 403
    assert form_upload(endpoint, bucket, {"AccessKeyId": "test", "SecretAccessKey": "test"}) == 403
    assert [found["Key"] for found in aws("s3").list_objects_v2(Bucket=bucket)["Contents"]] == ["key"]


def test_the_credentials_of_a_function_sign_as_well(endpoint: str, aws: Aws, bucket: str) -> None:
    role = aws("iam").create_role(RoleName=bucket, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    key = aws("sts").assume_role(RoleArn=role, RoleSessionName="function")["Credentials"]
    assert form_upload(endpoint, bucket, key) == 204


def test_programs_are_asked_for_nothing_of_this(endpoint: str, bucket: str) -> None:
    post = client("s3", endpoint).generate_presigned_post(bucket, "uploaded")
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in post["fields"].items()
    ]
    parts += ['--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\ncontent\r\n--B--\r\n']
    headers = [("Content-Type", "multipart/form-data; boundary=B")]
    assert ask(endpoint, "POST", f"/{bucket}", headers, body="".join(parts).encode())[0] == 204
