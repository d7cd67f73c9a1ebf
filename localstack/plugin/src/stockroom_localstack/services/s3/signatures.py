"""Presigned URLs are what was signed, and only for as long as was said: otherwise 403 and 400, as on AWS.

The secret access key is that of a key that IAM or STS has handed out, and for all others the word `test`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from localstack import config
from localstack.aws.accounts import get_account_id_from_access_key_id
from localstack.aws.api import RequestContext
from localstack.aws.api.s3 import AccessDenied, AuthorizationQueryParametersError
from localstack.http.request import get_raw_path
from localstack.services.s3 import presigned_url
from localstack.services.s3.constants import S3_HOST_ID, SIGNATURE_V4_PARAMS
from localstack.utils.aws.arns import get_partition

from stockroom_localstack.doors import signing

# What a client may add to a request without having signed it.
UNSIGNED = ("x-amz-content-sha256",)


@cache
def apply_patches() -> None:
    """Has LocalStack check them, and most of them by us."""
    # Patches of functions that LocalStack calls by name: its own check takes parts of headers' names for whole ones.
    module: Any = presigned_url
    config.S3_SKIP_SIGNATURE_VALIDATION = False
    module.validate_presigned_url_s3v4 = validate
    module.get_secret_access_key_from_access_key_id = registered_secret


def registered_secret(access_key: str, region: str) -> str | None:
    """The secret access key, or None for a key that nobody has handed out. LocalStack's own remembers that for ever."""
    from moto.iam.models import iam_backends

    backend = iam_backends[get_account_id_from_access_key_id(access_key)][get_partition(region)]
    found = backend.access_keys.get(access_key)
    return found.secret_access_key if found else None


def secret_for(parameters: Mapping[str, str], region: str) -> str:
    """parameters: of a URL or a form, by the names that AWS gives them."""
    return str(presigned_url.get_credentials_from_parameters(dict(parameters), region).secret_access_key)


def validate(context: RequestContext) -> None:
    """Raises what AWS answers. Then the request has the headers that its URL tells, as LocalStack's own check does."""
    request = context.request
    try:
        known = signing.presigned(request.args)
    except signing.MalformedParametersError as error:
        raise AuthorizationQueryParametersError(str(error), HostId=S3_HOST_ID) from error
    _require_time(known)
    headers = [(name, value) for name, value in request.headers if name.lower() != "authorization"]
    unsigned = [
        low
        for name, _ in headers
        if (low := name.lower()).startswith("x-amz-") and low not in known.signed_headers and low not in UNSIGNED
    ]
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            HostId=S3_HOST_ID,
            HeadersNotSigned=", ".join(unsigned),
        )
    query = request.query_string.decode("latin-1")
    canonical = signing.canonical_request(
        request.method, get_raw_path(request).partition("?")[0], query, headers, known.signed_headers
    )
    text = signing.string_to_sign(canonical, known.date, known.credential)
    right = signing.signature(secret_for(request.args, known.credential.region), known.credential, text)
    if not hmac.compare_digest(right, known.signature):
        raise presigned_url.create_signature_does_not_match_sig_v4(
            {"signature_provided": known.signature, "string_to_sign": text, "canonical_request": canonical},
            known.credential.access_key,
        )
    _add_headers(context, known)


def _require_time(known: signing.Presigned) -> None:
    now = datetime.now(UTC)
    if known.date - now > signing.CLOCKS_DIFFER:
        raise AccessDenied("Request is not valid yet", HostId=S3_HOST_ID, ServerTime=now.timestamp())
    if now > known.end:
        raise AccessDenied(
            "Request has expired",
            HostId=S3_HOST_ID,
            Expires=known.end.timestamp(),
            ServerTime=now.timestamp(),
            X_Amz_Expires=known.seconds,
        )


def _add_headers(context: RequestContext, known: signing.Presigned) -> None:
    """Clients put headers into the URL, so that who has it need not send them."""
    request = context.request
    for name, value in request.args.items():
        low = name.lower()
        is_header = low.startswith("x-amz-") or low in presigned_url.SIGNATURE_V4_BOTO_IGNORED_PARAMS
        # A checksum that was not signed is one of nothing: the JavaScript SDK puts it there before there is a body.
        guessed = low.startswith("x-amz-checksum-") and low not in known.signed_headers
        if is_header and not guessed and name not in SIGNATURE_V4_PARAMS and low not in request.headers:
            request.headers.add(low, value)
    parts = ("Credential", "SignedHeaders", "Signature")
    values = ",".join(f"{part}={request.args[f'X-Amz-{part}']}" for part in parts)
    request.headers["Authorization"] = f"{signing.ALGORITHM} {values}"
