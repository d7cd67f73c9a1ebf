"""Checksums that come after the body, in a trailer."""

from __future__ import annotations

from functools import cache
from typing import Any

from localstack.services.s3 import provider
from localstack.services.s3.constants import CHECKSUM_ALGORITHMS
from localstack.services.s3.exceptions import InvalidRequest

PREFIX = "x-amz-checksum-"


@cache
def apply_patches() -> None:
    """Replace a function that LocalStack calls by name: it looks for one header's name in that of another."""
    module: Any = provider
    module.get_s3_checksum_algorithm_from_trailing_headers = algorithm_of


def algorithm_of(trailer: str) -> str | None:
    """The checksum algorithm that the header x-amz-trailer names. Raises InvalidRequest for one that S3 does not know,
    and for more than one."""
    names = [name.strip().lower() for name in trailer.split(",") if name.strip()]
    known = {f"{PREFIX}{algorithm.lower()}": str(algorithm) for algorithm in CHECKSUM_ALGORITHMS}
    if any(name not in known for name in names):
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    if len(names) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    return known[names[0]] if names else None
