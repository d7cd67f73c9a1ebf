"""Presigned URLs and forms: only what was signed, and only in time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import boto3
import pytest
from botocore.config import Config

from .functions import Functions

KEY = "sales/event_date=2026-12-01/a b+é%20(1)~.json"


def _signer(
    endpoint: str, access: str = "test", secret: str = "test", token: str | None = None, version: str = "s3v4"
) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(signature_version=version),
    )


@pytest.fixture
def bucket(aws: Callable[[str], Any], unique: str) -> str:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key=KEY, Body=b"hello")
    return unique


def _ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Status and the body, or the error's code."""
    request = urllib.request.Request(
        url, body, {name.replace("_", "-"): value for name, value in headers.items()}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, text.partition("<Code>")[2].partition("</Code>")[0] or text


def _url(s3: Any, bucket: str, operation: str = "get_object", seconds: int = 60, **parameters: Any) -> str:
    return str(
        s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": KEY, **parameters}, ExpiresIn=seconds)
    )


def _change(url: str, **changed: str) -> str:
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query)) | {
        name.replace("_", "-"): value for name, value in changed.items()
    }
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_url_opens_what_was_signed_until_its_end(endpoint: str, bucket: str, version: str) -> None:
    s3 = _signer(endpoint, version=version)
    url = _url(s3, bucket)
    assert _ask(url) == (200, "hello")
    assert _ask(url, "HEAD")[0] == 403
    assert _ask(url, "PUT", b"other") == (403, "SignatureDoesNotMatch")
    other = _url(s3, bucket, Key="other")
    query = urllib.parse.urlsplit(url).query
    assert _ask(f"{other.partition('?')[0]}?{query}") == (403, "SignatureDoesNotMatch")
    short = _url(s3, bucket, seconds=1)
    time.sleep(2.1)
    assert _ask(short) == (403, "AccessDenied")


def test_what_is_put_is_of_the_type_that_was_signed(endpoint: str, bucket: str) -> None:
    s3 = _signer(endpoint)
    url = _url(s3, bucket, "put_object", ContentType="text/csv", Metadata={"origin": "till"})
    good = {"Content_Type": "text/csv", "x_amz_meta_origin": "till"}
    assert _ask(url, "PUT", b"new", **good, TE="trailers") == (200, "")
    head = s3.head_object(Bucket=bucket, Key=KEY)
    assert (head["ContentType"], head["Metadata"]) == ("text/csv", {"origin": "till"})
    for wrong in ({"Content_Type": "text/html"}, {"x_amz_meta_origin": "web"}):
        assert _ask(url, "PUT", b"other", **good | wrong) == (403, "SignatureDoesNotMatch")
    assert _ask(url, "PUT", b"other", **good, x_amz_acl="public-read") == (403, "AccessDenied")
    assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"new"


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"X_Amz_Expires": "3600"}, (403, "SignatureDoesNotMatch")),
        ({"X_Amz_Signature": "0" * 64}, (403, "SignatureDoesNotMatch")),
        ({"response_content_type": "text/html"}, (403, "SignatureDoesNotMatch")),
        ({"versionId": "null"}, (403, "SignatureDoesNotMatch")),
        ({"X_Amz_Expires": "604801"}, (400, "AuthorizationQueryParametersError")),
        ({"X_Amz_Expires": "-1"}, (400, "AuthorizationQueryParametersError")),
        ({"X_Amz_Expires": "soon"}, (400, "AuthorizationQueryParametersError")),
        ({"X_Amz_Date": "yesterday"}, (400, "AuthorizationQueryParametersError")),
        ({"X_Amz_Credential": "test"}, (400, "AuthorizationQueryParametersError")),
        ({"X_Amz_Algorithm": "AWS4-HMAC-MD5"}, (400, "AuthorizationQueryParametersError")),
        ({"X_Amz_SignedHeaders": "x-amz-date"}, (400, "AuthorizationQueryParametersError")),
        ({"X_Amz_Date": "20991231T000000Z"}, (400, "AuthorizationQueryParametersError")),
    ],
    ids=str,
)
def test_a_changed_url_is_refused(endpoint: str, bucket: str, changed: dict[str, str], answer: tuple[int, str]) -> None:
    assert _ask(_change(_url(_signer(endpoint), bucket), **changed)) == answer


def test_a_url_without_all_parts_of_its_signature_is_refused(endpoint: str, bucket: str) -> None:
    url = _url(_signer(endpoint), bucket)
    for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature"):
        parts = urllib.parse.urlsplit(url)
        query = [(one, value) for one, value in urllib.parse.parse_qsl(parts.query) if one != name]
        short = urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))
        assert _ask(short) == (400, "AuthorizationQueryParametersError")


def test_every_name_and_every_key_of_the_platform_can_sign(
    aws: Callable[[str], Any], endpoint: str, unique: str
) -> None:
    port = urllib.parse.urlsplit(endpoint).port
    role = aws("iam").create_role(RoleName=unique, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    aws("iam").create_user(UserName=unique)
    key = aws("iam").create_access_key(UserName=unique)["AccessKey"]
    assumed = aws("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    keys = {
        "test": ("test", "test", None),
        "account": ("000000000000", "test", None),
        "user": (key["AccessKeyId"], key["SecretAccessKey"], None),
        "role": (assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]),
    }
    aws("s3").create_bucket(Bucket=unique)
    aws("s3").put_object(Bucket=unique, Key=KEY, Body=b"hello")
    for name, (access, secret, token) in keys.items():
        for host in ("127.0.0.1", "localhost", "s3.localhost"):
            s3 = _signer(f"http://{host}:{port}", access, secret, token)
            url = urllib.parse.urlsplit(_url(s3, unique))
            connection = HTTPConnection("127.0.0.1", port)  # names may not resolve here
            connection.request("GET", f"{url.path}?{url.query}", headers={"Host": url.netloc})
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"hello"), (name, host)
            connection.close()
    assert _ask(_url(_signer(endpoint, key["AccessKeyId"]), unique)) == (403, "SignatureDoesNotMatch")


def test_the_code_of_a_function_can_be_fetched(functions: Functions) -> None:
    name = functions.make("def handler(event, context): return 1")
    assert urllib.request.urlopen(functions.service.get_function(FunctionName=name)["Code"]["Location"]).status == 200


def _post(endpoint: str, bucket: str, fields: dict[str, str], body: str = "hello") -> tuple[int, str]:
    limit = "limit-of-the-parts"
    parts = [
        f'--{limit}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{limit}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{body}\r\n--{limit}--\r\n'
    )
    return _ask(
        f"{endpoint}/{bucket}", "POST", "".join(parts).encode(), Content_Type=f"multipart/form-data; boundary={limit}"
    )


def test_a_form_uploads_what_its_policy_allows(aws: Callable[[str], Any], endpoint: str, bucket: str) -> None:
    s3 = aws("s3")
    made = s3.generate_presigned_post(
        bucket,
        "forms/${filename}",
        {"acl": "private"},
        [{"acl": "private"}, ["content-length-range", 1, 10]],
        ExpiresIn=60,
    )["fields"]
    assert _post(endpoint, bucket, made)[0] == 204
    assert s3.get_object(Bucket=bucket, Key="forms/f")["Body"].read() == b"hello"
    refused = {
        "another key": (made | {"key": "other"}, (403, "AccessDenied")),
        "a field that the policy does not name": (made | {"x-amz-meta-a": "1"}, (403, "AccessDenied")),
        "another signature": (made | {_signature(made): "0" * 64}, (403, "SignatureDoesNotMatch")),
        "a policy of one's own": (made | {"policy": _policy(bucket)}, (403, "SignatureDoesNotMatch")),
        "no policy": ({"key": "other"}, (403, "AccessDenied")),
    }
    assert {what: _post(endpoint, bucket, fields) for what, (fields, _) in refused.items()} == {
        what: answer for what, (_, answer) in refused.items()
    }
    assert _post(endpoint, bucket, made, "x" * 11) == (400, "EntityTooLarge")
    assert _post(endpoint, bucket, made | {"x-ignore-me": "1"})[0] == 204
    late = s3.generate_presigned_post(bucket, "late", ExpiresIn=-1)["fields"]
    assert _post(endpoint, bucket, late) == (403, "AccessDenied")


def _signature(fields: dict[str, str]) -> str:
    return "x-amz-signature" if "x-amz-signature" in fields else "signature"


def _policy(bucket: str) -> str:
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [{"bucket": bucket}, ["starts-with", "$key", ""], {"acl": "private"}]
    return base64.b64encode(json.dumps({"expiration": end, "conditions": conditions}).encode()).decode()


def test_a_form_may_be_signed_by_version_4(endpoint: str, aws: Callable[[str], Any], bucket: str) -> None:
    date = datetime.now(UTC).strftime("%Y%m%d")
    scope = [date, "us-east-1", "s3", "aws4_request"]
    policy = {
        "expiration": (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [
            {"bucket": bucket},
            ["starts-with", "$key", "in/"],
            {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
            {"x-amz-credential": "/".join(["test", *scope])},
            {"x-amz-date": f"{date}T000000Z"},
        ],
    }
    text = base64.b64encode(json.dumps(policy).encode()).decode()
    key = b"AWS4test"
    for part in scope:
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    fields = {
        "key": "in/a",
        "policy": text,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "/".join(["test", *scope]),
        "x-amz-date": f"{date}T000000Z",
        "x-amz-signature": hmac.digest(key, text.encode(), hashlib.sha256).hex(),
    }
    assert _post(endpoint, bucket, fields)[0] == 204
    assert _post(endpoint, bucket, fields | {"key": "out/a"}) == (403, "AccessDenied")
    assert _post(endpoint, bucket, fields | {"x-amz-signature": "0" * 64}) == (403, "SignatureDoesNotMatch")
    assert _post(endpoint, bucket, fields | {"x-amz-credential": "test"})[0] in (400, 403)
