"""Who may ask for what: one check of a request's head, in front of everything that listens.

Every web page that is open in a browser of this machine can send to 127.0.0.1, and one whose name is made to point
there (DNS rebinding) can read the answers too. AWS's APIs are protected by signatures; here nobody checks them.

    Host                                    asked by                                        may reach
    127.0.0.1, [::1], localhost,            a program; a page of the same origin, or of     everything
    *.localhost, *.127.0.0.1                one that the user allows
    the same                                any other page                                  applications
    a web application's own                 anybody                                         applications
    (*.execute-api.*, *.lambda-url.*,
    *.s3-website.*, below the names above
    or localhost.localstack.cloud)
    other names below the latter            a program that signs its requests               everything
    anything else, none, or two             anybody                                         nothing

`Applications` are what the platform serves as AWS would: deployed APIs, function URLs, web sites, and buckets for those
whom their own CORS configuration allows. What they are is known where they run (applications.py).

A page is of another origin by its Origin, or else by its Referer or by Sec-Fetch-Site, which browsers send to the names
of the first line, whatever a page tells them to leave out. To localhost.localstack.cloud they send none of the three
with a GET, and DNS says where it leads: so there a program shows that it is none of them, by a header that no page of
another origin can add, and by lacking one that browsers always add. The port in Host is not looked at: a tunnel may
have another. Nothing of LocalStack is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from urllib.parse import parse_qs

Headers = Sequence[tuple[bytes, bytes]]
Seen = dict[bytes, list[str]]

HOST, ORIGIN, REFERER, SITE, DESTINATION = b"host", b"origin", b"referer", b"sec-fetch-site", b"sec-fetch-dest"
WATCHED = frozenset({HOST, ORIGIN, REFERER, SITE, DESTINATION})
SITES_OF_NO_OTHER_PAGE = frozenset({"none", "same-origin"})
DOCUMENTS = frozenset({"document", "iframe", "frame", "embed", "object"})

AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
BELOW_LOOPBACK = (".localhost", ".127.0.0.1")
PUBLIC_NAME = "localhost.localstack.cloud"
SIGNATURE = b"AWS4-HMAC-SHA256 "
OF_BROWSERS = WATCHED - {HOST} | {b"accept-language"}
OF_AN_APPLICATION = frozenset({"execute-api", "lambda-url", "s3-website"})
URL = re.compile(r"(?P<origin>https?://(?P<authority>[^/?#]*))")
PATH_OF_AN_APPLICATION = re.compile(rb"/_aws/execute-api/[^/]|/restapis/[^/]+/[^/]+/_user_request_(/|\?|$)")
DEFAULT_PORTS = {"http": 80, "https": 443}


class Reach(Enum):
    """What a request may ask for; applications are web applications that the platform serves."""

    EVERYTHING = "everything"
    APPLICATIONS = "applications"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """reason: one line for who is refused. inert: a browser is to show the answer without scripts and without an
    origin: whoever can write an object could otherwise act as the platform's own page.
    """

    reach: Reach
    reason: str = ""
    inert: bool = False


@dataclass(frozen=True)
class Policy:
    """port: that the server listens on. allowed_origins: of the user's front ends, such as http://localhost:3000."""

    port: int
    allowed_origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """What a Host header or the authority of a URL names."""

    name: str
    port: int | None
    is_application: bool
    is_public: bool


ADMITTED = Verdict(Reach.EVERYTHING)
INERT = Verdict(Reach.EVERYTHING, inert=True)
APPLICATIONS = Verdict(Reach.APPLICATIONS)
NO_HOST = Verdict(Reach.NOTHING, "a request has exactly one header Host")
NAMES = "127.0.0.1, localhost or a name below localhost"
UNSIGNED = Verdict(Reach.NOTHING, f"names below {PUBLIC_NAME} are for signed requests of programs; use {NAMES}")


@lru_cache(1024)
def place_of(authority: str) -> Place | None:
    """None: no name of this platform."""
    parts = AUTHORITY.fullmatch(authority.lower())
    if not parts:
        return None
    name = parts["name"].removesuffix(".")
    labels = frozenset(name.split("."))
    if "" in labels:
        return None
    is_application = not labels.isdisjoint(OF_AN_APPLICATION)
    is_public = name == PUBLIC_NAME or name.endswith(f".{PUBLIC_NAME}")
    if name not in LOOPBACK_NAMES and not name.endswith(BELOW_LOOPBACK) and not is_public:
        return None
    return Place(name, int(parts["port"]) if parts["port"] else None, is_application, is_public)


def judge(policy: Policy, method: str, target: bytes, headers: Headers) -> Verdict:
    """What the request may reach, by the head alone. target: as it stands in the request's first line."""
    seen: Seen = {}
    for name, value in headers:
        lower = name.lower()
        if lower in WATCHED:
            seen.setdefault(lower, []).append(value.decode("latin-1"))
    hosts = seen.get(HOST, ())
    if len(hosts) != 1:
        return NO_HOST
    host = place_of(hosts[0])
    if host is None:
        return Verdict(Reach.NOTHING, f"{hosts[0][:100]!r} is no name of this platform; use {NAMES}")
    if not target.startswith(b"/") and not _is_of(host, method, target):
        return Verdict(Reach.NOTHING, "the request's first line names another host than its header Host")
    if host.is_application:
        return APPLICATIONS
    if host.is_public:
        return ADMITTED if is_of_a_program(headers) else UNSIGNED
    return ADMITTED if len(seen) == 1 else _judge_browser(policy, host, target, seen)


def is_of_a_program(headers: Headers) -> bool:
    """Whether the request is signed in a header, and has none of those that browsers add."""
    named = {name.lower(): value for name, value in headers}
    return named.get(b"authorization", b"").startswith(SIGNATURE) and OF_BROWSERS.isdisjoint(named)


def _judge_browser(policy: Policy, host: Place, target: bytes, seen: Seen) -> Verdict:
    if is_of_another_page(policy, host, seen):
        return _of_another_page(target, seen)
    is_document = not DOCUMENTS.isdisjoint(seen.get(DESTINATION, ()))
    return INERT if is_document and not target.startswith((b"/_", b"/restapis/")) else ADMITTED


def _is_of(host: Place, method: str, target: bytes) -> bool:
    if target == b"*":
        return method == "OPTIONS"
    # A request to a proxy names the whole URL: RFC 9112, 3.2.2.
    url = URL.match(target.decode("latin-1"))
    return url is not None and place_of(url["authority"]) == host


def is_of_another_page(policy: Policy, host: Place, seen: Seen) -> bool:
    """Whether a page asks that is neither of the same origin nor allowed by the user."""
    origins = seen.get(ORIGIN, [])
    if not all(is_trusted(policy, host, page) for page in (*origins, *map(origin_of, seen.get(REFERER, ())))):
        return True
    # By Referer alone a page is not trusted: what it shows of a third party may redirect to here.
    return not origins and not SITES_OF_NO_OTHER_PAGE.issuperset(seen.get(SITE, ()))


def origin_of(url: str) -> str:
    """The origin of a URL, such as http://localhost:3000; what is no URL, as it is."""
    found = URL.match(url)
    return found["origin"] if found else url


def is_trusted(policy: Policy, host: Place | None, origin: str) -> bool:
    """Whether pages of this origin may ask for everything. host: that they ask, None when it is not known."""
    if origin in policy.allowed_origins:
        return True
    scheme, divider, authority = origin.partition("://")
    place = place_of(authority) if divider and scheme in DEFAULT_PORTS else None
    if place is None or place.is_application or place.is_public:
        return False
    port = DEFAULT_PORTS[scheme] if place.port is None else place.port
    return port == policy.port or (host is not None and place.name == host.name and place.port == host.port)


def _of_another_page(target: bytes, seen: Seen) -> Verdict:
    path, _, query = target.partition(b"?")
    is_of_aws = path in (b"/", b"*") or (path.startswith(b"/_") and not PATH_OF_AN_APPLICATION.match(target))
    if is_of_aws or names_an_action(query.decode("latin-1")):
        return Verdict(Reach.NOTHING, reason_for(seen.get(ORIGIN) or seen.get(REFERER) or ()))
    return APPLICATIONS


def names_an_action(query: str) -> bool:
    """Whether AWS's query protocol could be meant."""
    return "Action" in parse_qs(query, keep_blank_values=True)


def reason_for(pages: Sequence[str]) -> str:
    """Why a page is refused, and what its developer can do."""
    if not pages:
        return "a web page of another origin asks; only programs and the platform's own pages may"
    origin = origin_of(pages[0])[:100]
    return f"the page {origin!r} asks; if it is your front end, name its origin in STOCKROOM_ALLOWED_ORIGINS"
