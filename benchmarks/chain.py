"""The longest chain of waits of a cold apply, and what `infra-up` takes on top of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.figures import Figure, Findings
from benchmarks.platform import Bench
from benchmarks.start import cold_start


@dataclass(frozen=True)
class Chain:
    """Resources of which each needs the one before, with the seconds that Terraform spent on each."""

    links: tuple[tuple[str, float], ...] = ()

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.links)


def resource_seconds(log: str) -> dict[str, float]:
    """Seconds that Terraform spent on each resource, by address, from the lines of `terraform apply -json`."""
    started: dict[str, datetime] = {}
    seconds: dict[str, float] = {}
    for line in log.splitlines():
        if '"type":"apply_start"' not in line and '"type":"apply_complete"' not in line:
            continue
        event = json.loads(line)
        hook = event["hook"]
        if hook["action"] == "read":
            continue  # data sources are reported like resources
        address, at = hook["resource"]["addr"], datetime.fromisoformat(event["@timestamp"])
        if event["type"] == "apply_start":
            started[address] = at
        elif address in started:
            seconds[address] = (at - started[address]).total_seconds()
    return seconds


def dependencies(state: Mapping[str, Any]) -> dict[str, set[str]]:
    """Resource → resources that it depends on, both without index, from a Terraform state."""
    found: dict[str, set[str]] = {}
    for block in state["resources"]:
        prefix = f"{block['module']}." if "module" in block else ""
        needed = {name for instance in block["instances"] for name in instance.get("dependencies", [])}
        found[_without_index(f"{prefix}{block['type']}.{block['name']}")] = set(map(_without_index, needed))
    return found


def _without_index(address: str) -> str:
    return re.sub(r'\[(?:"[^"]*"|\d+)\]', "", address)


def longest_chain(seconds: Mapping[str, float], needs: Mapping[str, set[str]]) -> Chain:
    """The chain of resources that wait for each other whose seconds add up to the most.

    Of a resource that there are several of, the slowest counts.
    """
    slowest: dict[str, float] = {}
    for address, took in seconds.items():
        resource = _without_index(address)
        slowest[resource] = max(took, slowest.get(resource, 0))
    known: dict[str, Chain] = {}

    def chain_to(resource: str) -> Chain:
        if resource not in known:
            before = max(map(chain_to, needs.get(resource, ())), key=lambda chain: chain.seconds, default=Chain())
            own = slowest.get(resource)
            known[resource] = Chain((*before.links, (resource, own))) if own else before
        return known[resource]

    return max(map(chain_to, slowest), key=lambda chain: chain.seconds, default=Chain())


def measure(bench: Bench) -> Findings:
    cold = cold_start(bench)
    found = longest_chain(resource_seconds(cold.log), dependencies(cold.state))
    chain = Figure("longest chain of waits of the apply", found.seconds, "s")
    total = Figure("cold infra-up", cold.seconds, "s")
    links = [f"{seconds:.1f} s  {address}" for address, seconds in found.links]
    return Findings(
        [
            chain,
            total.of(chain),
            Figure("cold infra-up above the chain", cold.seconds - found.seconds, "s").of(chain),
        ],
        ["The chain, from Terraform's log and state:", *links],
        {"chain": dict(found.links), "steps": dict(cold.steps)},
    )
