"""Addresses of emulators in a text, led to the endpoint of the platform."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# LocalStack's port, and those that its services had, one each, before version 0.11.
_PORTS = r"45(?:6[6-9]|[78]\d|9[0-7])"
_HOSTS = r"localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|172\.17\.0\.1|host\.docker\.internal|localstack"
_EMULATOR = re.compile(
    # Of LocalStack's own name, with a service's before it or not, the port may be left out.
    rf"https?://(?:(?:[\w-]+\.)*localhost\.localstack\.cloud(?::{_PORTS})?|(?:[\w-]+\.)*(?:{_HOSTS}):{_PORTS})(?![\w.:-])",
    re.IGNORECASE,
)


def is_emulator(url: str) -> bool:
    """Whether the URL is that of an emulator of AWS on this machine, as it is usually reached."""
    return bool(_EMULATOR.match(url))


def lead(text: str, endpoint: str) -> tuple[str, list[str]]:
    """The text with the platform's endpoint in place of every emulator's, and which ones these were, each once."""
    replaced: dict[str, None] = {}

    def one(found: re.Match[str]) -> str:
        if _is_same(found[0], endpoint):
            return found[0]
        replaced[found[0]] = None
        return endpoint

    return _EMULATOR.sub(one, text), list(replaced)


def _is_same(url: str, endpoint: str) -> bool:
    there, here = urlsplit(url), urlsplit(endpoint)
    return there.scheme == here.scheme and there.port == here.port and there.hostname in {here.hostname, "localhost"}
