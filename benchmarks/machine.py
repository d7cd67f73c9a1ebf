"""What a run was made on: facts without which no figure can be judged."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from stockroom.project import ROOT
from stockroom.settings import Settings
from stockroom.terraform.binary import find_binary
from stockroom.terraform.provider_sources import PROVIDER


def read_facts(settings: Settings) -> dict[str, str]:
    """Facts in words, in the order in which they are shown."""
    return {
        "processor": processor_name(_read("/proc/cpuinfo")) or platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "load before": load_summary(),
        "commit": _commit(),
        "Python": platform.python_version(),
        "Terraform": find_binary(settings).version,
        "provider": " ".join(PROVIDER[1:]),
        "boto3": version("boto3"),
        "LocalStack": localstack_version(_read(str(ROOT / "localstack" / "requirements.in"))),
    }


def load_summary() -> str:
    """How many processes want a core: the average of one, five and fifteen minutes."""
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def processor_name(cpuinfo: str) -> str | None:
    """The name in Linux's /proc/cpuinfo."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else None


def localstack_version(requirements: str) -> str:
    """The version that the emulator's requirements pin."""
    found = re.search(r"^localstack(?:-core)?\S*==(\S+)", requirements, re.MULTILINE)
    return found[1] if found else "unknown"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = " with uncommitted changes" if git("status", "--porcelain") else ""
    return f"{git('rev-parse', '--short=12', 'HEAD') or 'none'}{changed}"
