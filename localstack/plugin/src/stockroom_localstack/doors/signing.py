"""AWS's Signature Version 4 of what carries it in a URL or a form, as the documentation tells how it is calculated."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus

ALGORITHM = "AWS4-HMAC-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
LONGEST_SECONDS = 7 * 24 * 3600
CLOCKS_DIFFER = timedelta(minutes=15)
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
SAFE = "-_.~"


class MalformedParametersError(ValueError):
    """A parameter of a presigned URL is not what it has to be; the message is AWS's."""


class Credential(NamedTuple):
    """The parts of X-Amz-Credential."""

    access_key: str
    date: str
    region: str
    service: str

    @property
    def scope(self) -> str:
        """The credential scope of a signature: date, region, service and a constant."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


class Presigned(NamedTuple):
    """What a presigned URL says of its signature."""

    credential: Credential
    date: datetime
    seconds: int
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def end(self) -> datetime:
        """When the URL expires."""
        return self.date + timedelta(seconds=self.seconds)


def credential_of(text: str) -> Credential:
    """The parts of a value of X-Amz-Credential. Raises MalformedParametersError."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise MalformedParametersError(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    if parts[3] != "s3":
        raise MalformedParametersError(
            f'Error parsing the X-Amz-Credential parameter; incorrect service "{parts[3]}". '
            'This endpoint belongs to "s3".'
        )
    return Credential(*parts[:4])


def presigned(parameters: Mapping[str, str]) -> Presigned:
    """The signature in a URL's parameters, all of which are there. Raises MalformedParametersError."""
    if parameters["X-Amz-Algorithm"] != ALGORITHM:
        raise MalformedParametersError(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    credential = credential_of(parameters["X-Amz-Credential"])
    try:
        date = datetime.strptime(parameters["X-Amz-Date"], DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        ) from error
    if credential.date != parameters["X-Amz-Date"][:8]:
        raise MalformedParametersError(
            f'Error parsing the X-Amz-Credential parameter; incorrect date format "{credential.date}". '
            'This date in the credential must be in the format "yyyyMMdd".'
        )
    try:
        seconds = int(parameters["X-Amz-Expires"])
    except ValueError as error:
        raise MalformedParametersError("X-Amz-Expires should be a number") from error
    if seconds < 0:
        raise MalformedParametersError("X-Amz-Expires must be non-negative")
    if seconds > LONGEST_SECONDS:
        raise MalformedParametersError(f"X-Amz-Expires must be less than a week (in seconds) that is {LONGEST_SECONDS}")
    headers = tuple(name for name in parameters["X-Amz-SignedHeaders"].split(";") if name)
    if "host" not in headers:
        raise MalformedParametersError("X-Amz-SignedHeaders must contain host")
    return Presigned(credential, date, seconds, headers, parameters["X-Amz-Signature"])


def canonical_request(
    method: str, raw_path: str, raw_query: str, headers: Iterable[tuple[str, str]], signed: Iterable[str]
) -> str:
    """AWS's canonical request. headers: names and values as they came. signed: names of those that count, in lower
    case."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    pairs = [each.partition("=") for each in raw_query.split("&") if each]
    decoded = [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
    query = sorted((quote(name, SAFE), quote(value, SAFE)) for name, value in decoded if name != "X-Amz-Signature")
    named = sorted(signed)
    parameters = {name.lower(): value for name, value in decoded}
    content = parameters.get("x-amz-content-sha256")
    if content is None and "x-amz-content-sha256" in named:
        content = ",".join(values.get("x-amz-content-sha256", ()))
    lines = [
        method,
        quote(unquote(raw_path), f"/{SAFE}"),
        "&".join(f"{name}={value}" for name, value in query),
        *(f"{name}:{','.join(values.get(name, ()))}" for name in named),
        "",
        ";".join(named),
        content or UNSIGNED_PAYLOAD,
    ]
    return "\n".join(lines)


def string_to_sign(request: str, date: datetime, credential: Credential) -> str:
    """AWS's string to sign. request: the canonical request."""
    digest = hashlib.sha256(request.encode()).hexdigest()
    return "\n".join([ALGORITHM, date.strftime(DATE_FORMAT), credential.scope, digest])


def signature(secret: str, credential: Credential, text: str) -> str:
    """The signature of the text with this secret access key, in hexadecimal digits."""
    key = f"AWS4{secret}".encode()
    for part in (credential.date, credential.region, credential.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
