"""Which pinned packages count as vulnerable, and that an audit without advisories fails in one line and in time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stockroom.audit.advisories import Advisory, Allowance, judge, read_exceptions
from stockroom.audit.command import ALLOWED, FOUND, print_audit
from stockroom.audit.locks import Package, npm_packages, python_packages, read_locks
from stockroom.audit.osv import Osv
from stockroom.errors import StockroomError
from stockroom.project import ROOT

TODAY = date(2026, 12, 1)
CBOR = Package("PyPI", "cbor2", "5.8.0")
TSLIB = Package("npm", "tslib", "2.8.1")
LOCKS = {CBOR: ["localstack/requirements.txt"], TSLIB: ["localstack/package-lock.json"]}


def advisory(name: str, package: Package = CBOR, fixed: str = "", **more: Any) -> dict[str, Any]:
    """As OSV has it."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    about = {"name": package.name, "ecosystem": package.ecosystem}
    affected = [{"package": about, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    return {"schema_version": "1.7.0", "id": name, "modified": "2026-11-01T00:00:00Z", "affected": affected} | more


# Locks


def test_every_lock_of_the_repository_is_read() -> None:
    locks = read_locks()
    found = {path for paths in locks.values() for path in paths}
    expected = {"requirements.txt", "localstack/requirements.txt", "localstack/package-lock.json"}
    expected |= {"localstack/runtimes/requirements.txt", "ministack/requirements.txt"}
    expected |= {"terraform/policies/requirements.txt", "functions/data_platform/requirements.txt"}
    assert found >= expected | {"functions/data_platform/layers/pyarrow/requirements.txt"}
    for path in found:
        pinned = [line for line in (ROOT / path).read_text().splitlines() if "==" in line and not line.startswith("#")]
        packages = [package for package, paths in locks.items() if path in paths]
        assert len(packages) <= len(pinned) if path.endswith(".txt") else packages, path
    assert {package.name for package in locks} >= {"cbor2", "pyasn1", "pyopenssl", "joserfc", "cryptography", "tslib"}


def test_locks_of_others_are_left_alone(tmp_path: Path) -> None:
    for folder in ("a", ".venv", "node_modules/x", "a/site-packages"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "requirements.txt").write_text("some==1.0 \\\n    --hash=sha256:0\n")
    assert read_locks(tmp_path) == {Package("PyPI", "some", "1.0"): ["a/requirements.txt"]}


def test_names_versions_and_markers_of_requirements() -> None:
    lock = "    # via x==1\n"
    lock += 'Ruamel_YAML.clib==0.2.14 ; python_version < "3.14" \\\n    --hash=sha256:00\n'
    lock += 'numpy==2.3.5 ; python_full_version < "3.12" \\\nnumpy==2.4.0 \\\n'
    lock += "boto3-stubs[s3,sqs]==1.43.0 \\\n    # via -r y\n"
    assert {str(package) for package in python_packages(lock)} == {
        "ruamel-yaml-clib 0.2.14", "numpy 2.3.5", "numpy 2.4.0", "boto3-stubs 1.43.0"
    }  # fmt: skip


def test_scoped_and_nested_packages_of_npm() -> None:
    packages = {
        "": {"name": "stockroom-emulator"},
        "node_modules/@aws-sdk/client": {"version": "3.1.0"},
        "node_modules/a/node_modules/b": {"version": "1.0.0"},
        "node_modules/alias": {"name": "real", "version": "2.0.0"},
        "linked": {"link": True},
    }
    found = {str(package) for package in npm_packages(json.dumps({"packages": packages}))}
    assert found == {"@aws-sdk/client 3.1.0", "b 1.0.0", "real 2.0.0"}


# Advisories


def test_nothing_known_is_nothing_found() -> None:
    audit = judge(LOCKS, {}, [], TODAY)
    assert (audit.packages, audit.vulnerable, audit.allowed) == (2, [], [])
    assert audit.locks == ("localstack/package-lock.json", "localstack/requirements.txt")


def test_a_vulnerability_is_told_once_by_its_best_known_name() -> None:
    known = [
        advisory("PYSEC-2026-1", fixed="5.9.0", aliases=["CVE-2026-1"], details="\nfrom the details\nmore"),
        advisory("GHSA-aaaa", fixed="5.10.0", aliases=["CVE-2026-1"], summary="Recursion without bound")
        | {"database_specific": {"severity": "HIGH"}},
        advisory("GHSA-bbbb", details="another one"),
    ]
    first, second = judge(LOCKS, {CBOR: known}, [], TODAY).vulnerable
    assert first.ids == ("CVE-2026-1", "GHSA-aaaa", "PYSEC-2026-1")
    assert (first.summary, first.severity) == ("Recursion without bound", "high")
    assert (first.fixed_in, first.locks) == (("5.9.0", "5.10.0"), ("localstack/requirements.txt",))
    assert (second.ids, second.summary, second.severity, second.fixed_in) == (
        ("GHSA-bbbb",),
        "another one",
        "unknown",
        (),
    )


def test_names_that_only_a_third_advisory_connects_are_one_vulnerability() -> None:
    known = [advisory("A", aliases=["CVE-1"]), advisory("B", aliases=["CVE-2"]), advisory("C", aliases=["A", "B"])]
    (finding,) = judge(LOCKS, {CBOR: known}, [], TODAY).vulnerable
    assert set(finding.ids) == {"A", "B", "C", "CVE-1", "CVE-2"}


def test_withdrawn_advisories_and_fixes_of_other_packages_do_not_count() -> None:
    other = advisory("GHSA-cccc", Package("npm", "other", "1"), fixed="9.9")["affected"]
    git = [
        {"package": {"name": "tslib", "ecosystem": "npm"}, "ranges": [{"type": "GIT", "events": [{"fixed": "abc"}]}]}
    ]
    known: list[Advisory] = [
        advisory("GHSA-dddd", TSLIB, withdrawn="2026-11-02T00:00:00Z"),
        {"id": "GHSA-cccc", "affected": [*other, *git]},
    ]
    (finding,) = judge(LOCKS, {TSLIB: known}, [], TODAY).vulnerable
    assert (finding.ids, finding.fixed_in) == (("GHSA-cccc",), ())


@pytest.mark.parametrize(
    ("until", "name", "package", "counts"),
    [
        (TODAY, "CVE-2026-1", "cbor2", "allowed"),
        (TODAY, "GHSA-aaaa", "cbor2", "allowed"),
        (date(2026, 11, 30), "CVE-2026-1", "cbor2", "ended"),
        (TODAY, "CVE-2026-2", "cbor2", "unneeded"),
        (TODAY, "CVE-2026-1", "tslib", "unneeded"),
    ],
)
def test_an_exception_is_for_one_package_and_until_its_day(until: date, name: str, package: str, counts: str) -> None:
    allowance = Allowance(name, package, "reached by nobody else", until)
    audit = judge(LOCKS, {CBOR: [advisory("GHSA-aaaa", aliases=["CVE-2026-1"])]}, [allowance], TODAY)
    assert bool(audit.allowed) == (counts == "allowed")
    assert bool(audit.vulnerable) == (counts != "allowed")
    assert audit.ended == ([allowance] if counts == "ended" else [])
    assert audit.unneeded == ([allowance] if counts == "unneeded" else [])


@pytest.mark.parametrize(
    "entry",
    [
        'id = "CVE-1"\npackage = "cbor2"\nuntil = 2027-03-01',
        'id = "CVE-1"\npackage = "cbor2"\nreason = "later"\nuntil = 2027-03-01',
        'id = "CVE-1"\npackage = "cbor2"\nreason = "reached by nobody else"\nuntil = "2027-03-01"',
        'id = "CVE-1"\npackage = "cbor2"\nreason = "reached by nobody else"\nuntil = 2027-03-01\nmore = 1',
    ],
)
def test_an_exception_without_reason_or_day_is_refused(entry: str) -> None:
    with pytest.raises(StockroomError, match="CVE-1"):
        read_exceptions(f"[[allowed]]\n{entry}\n")


def test_the_exceptions_of_the_repository_are_complete_and_for_half_a_year_at_most() -> None:
    for one in read_exceptions(ALLOWED.read_text()):
        assert (one.until - datetime.now(UTC).date()).days <= 183
        assert one.package in {package.name for package in read_locks()}


# The command


def test_exit_codes_and_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    known = {CBOR: [advisory("GHSA-aaaa", fixed="5.9.0", summary="Deep [nesting]")]}
    assert print_audit(judge(LOCKS, {}, [], TODAY), as_json=False) == 0
    assert capsys.readouterr().out == "no vulnerability in 2 packages of 2 locks\n"
    assert print_audit(judge(LOCKS, known, [], TODAY), as_json=False) == FOUND
    printed = capsys.readouterr().out
    assert "cbor2 5.8.0" in printed
    assert "5.9.0" in printed
    assert "Deep [nesting]" in printed
    assert "1 vulnerabilities in 2 packages of 2 locks" in printed
    allowance = Allowance("GHSA-aaaa", "cbor2", "reached by nobody else", TODAY)
    assert print_audit(judge(LOCKS, known, [allowance], TODAY), as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["vulnerable"], told["allowed"][0]["exception"]["until"]) == (True, [], "2026-12-01")
    assert (told["allowed"][0]["name"], told["allowed"][0]["ids"]) == ("cbor2", ["GHSA-aaaa"])


# OSV's API

Answer = Callable[[str, Any], tuple[int, Any]]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Its address. `answer` gets path and question, and gives status and what becomes JSON, or the bytes themselves."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, body = answer(self.path, json.loads(self.rfile.read(length) or b"null"))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):  # of who has given up
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        listening.server_close()


def test_all_pages_of_every_package_are_read_and_each_advisory_once() -> None:
    asked: list[str] = []

    def osv(path: str, question: Any) -> tuple[int, Any]:
        asked.append(path)
        if path != "/v1/querybatch":
            return 200, {"id": path.rpartition("/")[2]}
        results = []
        for query in question["queries"]:
            package = query["package"]
            if package == {"name": "cbor2", "ecosystem": "PyPI"} and query["version"] == "5.8.0":
                first = "page_token" not in query
                results.append({"vulns": [{"id": "A"}], "next_page_token": "2"} if first else {"vulns": [{"id": "B"}]})
            else:
                results.append({"vulns": [{"id": "A"}]} if package["name"] == "tslib" else {})
        return 200, {"results": results}

    with server(osv) as address:
        found = Osv(address).advisories([CBOR, TSLIB, Package("PyPI", "sound", "1.0")])
    assert {str(package): [one["id"] for one in some] for package, some in found.items()} == {
        "cbor2 5.8.0": ["A", "B"],
        "tslib 2.8.1": ["A"],
    }
    assert sorted(asked) == ["/v1/querybatch", "/v1/querybatch", "/v1/vulns/A", "/v1/vulns/B"]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, {}, "HTTP Error 500"),
        (200, b"<html>a proxy's page</html>", "an answer that is none"),
        (200, {"results": []}, "an answer that is none"),
        (200, {"results": [{"vulns": [{}]}]}, "an answer that is none"),
        (200, [], "an answer that is none"),
    ],
)
def test_nonsense_is_no_clean_audit(status: int, body: Any, reason: str) -> None:
    with (
        server(lambda *_: (status, body)) as address,
        pytest.raises(StockroomError, match=f"nothing was audited: {address} .*{reason}"),
    ):
        Osv(address).advisories([CBOR])


def test_an_address_where_nobody_is_fails_in_one_line() -> None:
    with server(lambda *_: (200, {})) as address:
        pass
    with pytest.raises(StockroomError, match=r"nothing was audited: .* can't be reached") as raised:
        Osv(address).advisories([CBOR])
    assert "\n" not in raised.value.message


def test_a_server_that_never_answers_is_given_up() -> None:
    release = threading.Event()

    def silent(*_: object) -> tuple[int, Any]:
        release.wait(30)
        return 200, {}

    began = time.monotonic()
    with server(silent) as address:
        with pytest.raises(StockroomError, match="no answer in time"):
            Osv(address, seconds=0.5).advisories([CBOR])
        release.set()
    assert time.monotonic() - began < 25
