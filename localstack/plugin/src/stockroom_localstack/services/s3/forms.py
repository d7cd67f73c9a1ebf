"""Uploads by HTML forms (POST): the signature of their policy, and that it names all that they hold."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from localstack.aws.api.s3 import AccessDenied, InvalidArgument
from localstack.services.s3 import presigned_url, provider
from localstack.services.s3.constants import S3_HOST_ID

from stockroom_localstack.doors import signing

from .signatures import secret_for

# What no policy has to name, in lower case.
FREE = ("policy", "file", "bucket", "x-amz-signature", "signature", "awsaccesskeyid")
IGNORED_PREFIX = "x-ignore-"


@cache
def apply_patches() -> None:
    """Replace what LocalStack calls by name for an upload by a form."""
    module: Any = provider
    module.validate_post_policy = validate


def validate(form: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """about: bucket and content_length. Raises what AWS answers."""
    fields = {name.lower(): value for name, value in form.items()}
    policy = fields.get("policy")
    if fields.get("key") and not policy:
        # The bucket would have to be open to be written by everybody.
        raise AccessDenied("Access Denied", HostId=S3_HOST_ID)
    presigned_url.validate_post_policy(form, dict(about))  # type: ignore[arg-type]
    assert policy
    _require_signature(fields, form, policy)
    named = _named(json.loads(base64.b64decode(policy)).get("conditions", []))
    extra = [name for name in fields if name not in (*FREE, *named) and not name.startswith(IGNORED_PREFIX)]
    if extra:
        raise AccessDenied(
            f"Invalid according to Policy: Extra input fields: {', '.join(sorted(extra))}", HostId=S3_HOST_ID
        )


def _require_signature(fields: Mapping[str, str], form: Mapping[str, str], policy: str) -> None:
    if "x-amz-signature" in fields:
        given = fields["x-amz-signature"]
        try:
            credential = signing.credential_of(fields["x-amz-credential"])
        except signing.MalformedParametersError as error:
            raise InvalidArgument(
                str(error), ArgumentName="X-Amz-Credential", ArgumentValue=fields["x-amz-credential"], HostId=S3_HOST_ID
            ) from error
        key = credential.access_key
        secret = secret_for({"X-Amz-Credential": fields["x-amz-credential"]}, credential.region)
        right = signing.signature(secret, credential, policy)
    else:
        given, key = fields["signature"], fields["awsaccesskeyid"]
        secret = secret_for({"AWSAccessKeyId": key}, "us-east-1")
        right = base64.b64encode(hmac.digest(secret.encode(), policy.encode(), hashlib.sha1)).decode()
    if not hmac.compare_digest(right, given):
        raise presigned_url.create_signature_does_not_match_sig_v2(given, policy, key)


def _named(conditions: list[Any]) -> set[str]:
    """The fields that the conditions are about, in lower case."""
    named: set[str] = set()
    for condition in conditions:
        if isinstance(condition, dict):
            named |= {name.lower() for name in condition}
        elif len(condition) == 3:
            named.add(str(condition[1]).removeprefix("$").lower())
    return named
