"""Asks OSV which advisories there are of packages. Nothing but names and versions of public packages is sent."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from stockroom.audit.advisories import Advisory
from stockroom.audit.locks import Package
from stockroom.errors import StockroomError

OSV = "https://api.osv.dev"
PACKAGES_PER_QUERY = 500  # OSV takes 1000
LONGEST_SECONDS = 60.0
REQUEST_SECONDS = 15.0
LARGEST_ANSWER = 32 * 2**20
READERS = 8


class Osv:
    def __init__(self, address: str = OSV, seconds: float = LONGEST_SECONDS) -> None:
        """seconds: after which it gives up, whatever it has."""
        self._address = address
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def advisories(self, packages: Iterable[Package]) -> dict[Package, list[Advisory]]:
        """Those of each package that has any. Raises StockroomError when OSV can't be asked, or answers nonsense."""
        try:
            return self._advisories(sorted(packages))
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(f"can't be reached ({_reason(error)})") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._failed(f"gave an answer that is none ({type(error).__name__}: {error})") from None

    def _failed(self, what: str) -> StockroomError:
        return StockroomError(
            f"nothing was audited: {self._address} {what}",
            "run `invoke audit` where this address can be reached, such as in the nightly workflow",
        )

    def _advisories(self, packages: list[Package]) -> dict[Package, list[Advisory]]:
        ids: dict[Package, list[str]] = {}
        for start in range(0, len(packages), PACKAGES_PER_QUERY):
            waiting = [(package, "") for package in packages[start : start + PACKAGES_PER_QUERY]]
            while waiting:
                answer = self._ask("/v1/querybatch", {"queries": [_query(*one) for one in waiting]})
                more = []
                for (package, _), result in zip(waiting, answer["results"], strict=True):
                    ids.setdefault(package, []).extend(found["id"] for found in result.get("vulns", []))
                    if token := result.get("next_page_token"):
                        more.append((package, token))
                waiting = more
        wanted = sorted({name for names in ids.values() for name in names})
        with ThreadPoolExecutor(READERS) as readers:
            known = dict(zip(wanted, readers.map(self._read, wanted), strict=True))
        return {package: [known[name] for name in names] for package, names in ids.items() if names}

    def _read(self, name: str) -> Advisory:
        advisory: Advisory = self._ask(f"/v1/vulns/{quote(name, safe='')}")
        if advisory["id"] != name:
            raise ValueError(f"{advisory['id']} instead of {name}")
        return advisory

    def _ask(self, path: str, question: object = None) -> Any:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        body = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(  # noqa: S310 # ours, and https
            self._address + path, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=min(left, REQUEST_SECONDS)) as answer:  # noqa: S310
            return json.loads(self._read_whole(answer))

    def _read_whole(self, answer: http.client.HTTPResponse) -> bytes:
        text = bytearray()
        while chunk := answer.read1(2**16):  # what comes drop by drop is too late in the end
            text += chunk
            if time.monotonic() > self._deadline:
                raise TimeoutError
            if len(text) > LARGEST_ANSWER:
                raise ValueError(f"more than {LARGEST_ANSWER} bytes")
        return bytes(text)


def _reason(error: Exception) -> object:
    cause = error.reason if type(error) is urllib.error.URLError else error
    return "no answer in time" if isinstance(cause, TimeoutError) else cause


def _query(package: Package, page: str) -> dict[str, Any]:
    query = {"version": package.version, "package": {"name": package.name, "ecosystem": package.ecosystem}}
    return query | ({"page_token": page} if page else {})
