"""Which advisories count. Pure functions over OSV's schema (https://ossf.github.io/osv-schema/)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from stockroom.audit.locks import Package
from stockroom.errors import StockroomError

Advisory = Mapping[str, Any]

_BEST_KNOWN = ("CVE", "GHSA", "PYSEC")


@dataclass(frozen=True)
class Allowance:
    """An advisory that is allowed for a package, and why, up to and with a day."""

    id: str
    package: str
    reason: str
    until: date


@dataclass(frozen=True)
class Finding:
    """A vulnerability of a pinned package. `ids`: its names, the best known first; `fixed_in`: versions, maybe none."""

    package: Package
    locks: tuple[str, ...]
    ids: tuple[str, ...]
    summary: str
    severity: str
    fixed_in: tuple[str, ...]
    allowed: Allowance | None = None


@dataclass(frozen=True)
class Audit:
    """What was found. `unneeded` exceptions match nothing any more; `ended` ones do, and their day is over."""

    packages: int
    locks: tuple[str, ...]
    vulnerable: list[Finding] = field(default_factory=list)
    allowed: list[Finding] = field(default_factory=list)
    unneeded: list[Allowance] = field(default_factory=list)
    ended: list[Allowance] = field(default_factory=list)


def read_exceptions(text: str) -> list[Allowance]:
    """Of a file as allowed.toml. Raises StockroomError for an entry that has not all that it needs."""
    exceptions = []
    for entry in tomllib.loads(text).get("allowed", []):
        try:
            one = Allowance(**entry)
        except TypeError:
            one = Allowance("", "", "", date.min)
        if not (isinstance(one.until, date) and one.id and one.package and len(one.reason.split()) > 2):
            raise StockroomError(
                f"allowed.toml: {entry.get('id') or entry} is not complete",
                "each entry has an id, a package, a reason in words, and the day `until` which it holds",
            )
        exceptions.append(one)
    return exceptions


def judge(
    locks: Mapping[Package, Sequence[str]],
    advisories: Mapping[Package, Iterable[Advisory]],
    exceptions: Sequence[Allowance],
    today: date,
) -> Audit:
    """What the advisories of each pinned package amount to, the worst known names of a vulnerability told once."""
    findings = [
        _finding(package, tuple(locks[package]), same)
        for package, known in advisories.items()
        for same in _together([one for one in known if not one.get("withdrawn")])
    ]
    findings.sort(key=lambda finding: (finding.package, finding.ids))
    audit = Audit(len(locks), tuple(sorted({lock for paths in locks.values() for lock in paths})))
    used: set[Allowance] = set()
    for finding in findings:
        matching = [one for one in exceptions if one.package == finding.package.name and one.id in finding.ids]
        used.update(matching)
        current = next((one for one in matching if one.until >= today), None)
        if current:
            audit.allowed.append(_with(finding, current))
        else:
            audit.vulnerable.append(finding)
            audit.ended.extend(matching)
    audit.unneeded.extend(one for one in exceptions if one not in used)
    return audit


def _with(finding: Finding, allowed: Allowance) -> Finding:
    return Finding(**{**vars(finding), "allowed": allowed})


def _together(advisories: Sequence[Advisory]) -> list[list[Advisory]]:
    """Those that are of the same vulnerability: each database has one of its own, which names the others."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for advisory in sorted(advisories, key=lambda one: str(one["id"])):
        names, same = _names(advisory), [advisory]
        for group in [group for group in groups if group[0] & names]:
            groups.remove(group)
            names, same = names | group[0], [*group[1], *same]
        groups.append((names, same))
    return [same for _, same in groups]


def _names(advisory: Advisory) -> set[str]:
    return {advisory["id"], *advisory.get("aliases", [])}


def _finding(package: Package, locks: tuple[str, ...], same: Sequence[Advisory]) -> Finding:
    names = {name for one in same for name in _names(one)}
    return Finding(
        package=package,
        locks=locks,
        ids=tuple(sorted(names, key=_how_known)),
        summary=next((one["summary"] for one in same if one.get("summary")), _first_line(same)),
        severity=next((said for one in same if (said := _severity(one))), "unknown"),
        fixed_in=tuple(sorted({version for one in same for version in _fixed_in(one, package)}, key=_order)),
    )


def _how_known(name: str) -> tuple[int, str]:
    kind = name.partition("-")[0]
    return (_BEST_KNOWN.index(kind) if kind in _BEST_KNOWN else len(_BEST_KNOWN), name)


def _first_line(same: Sequence[Advisory]) -> str:
    return next((line for one in same for line in str(one.get("details", "")).splitlines() if line.strip()), "")


def _severity(advisory: Advisory) -> str:
    return str(advisory.get("database_specific", {}).get("severity") or "").lower()


def _fixed_in(advisory: Advisory, package: Package) -> Iterable[str]:
    for affected in advisory.get("affected", []):
        about = affected.get("package", {})
        if (about.get("ecosystem"), str(about.get("name")).lower()) == (package.ecosystem, package.name.lower()):
            for span in affected.get("ranges", []):
                if span.get("type") != "GIT":
                    yield from (event["fixed"] for event in span.get("events", []) if "fixed" in event)


def _order(version: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"[.+-]", version)]
