"""What a platform was made from, beside its emulator: it goes when that world goes.

<platform>/engine/
    started.json        of which version the emulator is, until it is stopped
    record.json         the parts of what is deployed, when the last command that changed it ended well
    base/, base.json    the state that `invoke reset` goes back to
    seen.txt            the emulator's moment when the platform was last seen to be whole
<platform>/kept/        what `infra-down --keep-state` kept, signed as every snapshot
"""

from __future__ import annotations

import shutil
from pathlib import Path

from stockroom.engines.emulator_state import copy_state
from stockroom.snapshots.archive import Header, format_header, parse_header
from stockroom.system.files import write_whole

BASE = "base"


def read_started(engine_dir: Path) -> Header | None:
    """What was known of the running emulator when it was started: its own parts only."""
    return _read(engine_dir / "started.json")


def write_started(engine_dir: Path, header: Header) -> None:
    _write(engine_dir / "started.json", header)


def forget_started(engine_dir: Path) -> None:
    """Say that the emulator was stopped, and did not end by itself."""
    (engine_dir / "started.json").unlink(missing_ok=True)


def read_record(engine_dir: Path) -> Header | None:
    """What the running platform is; None when no command made it whole."""
    return _read(engine_dir / "record.json")


def write_record(engine_dir: Path, header: Header) -> None:
    _write(engine_dir / "record.json", header)


def forget_record(engine_dir: Path) -> None:
    """Say that the platform is being changed."""
    (engine_dir / "record.json").unlink(missing_ok=True)


def read_seen(engine_dir: Path) -> str | None:
    """The moment when the platform was last seen to be whole; None when it never was."""
    try:
        return (engine_dir / "seen.txt").read_text()
    except (OSError, UnicodeDecodeError):
        return None


def write_seen(engine_dir: Path, moment: str) -> None:
    write_whole(engine_dir / "seen.txt", moment.encode())


def keep_base(engine_dir: Path, header: Header, state: Path) -> None:
    """Make a saved state, which lies in a folder, the one that `invoke reset` goes back to."""
    forget_base(engine_dir)
    copy_state(state, engine_dir / BASE)
    _write(engine_dir / "base.json", header)


def forget_base(engine_dir: Path) -> None:
    (engine_dir / "base.json").unlink(missing_ok=True)
    shutil.rmtree(engine_dir / BASE, ignore_errors=True)


def read_base(engine_dir: Path) -> Header | None:
    """What `invoke reset` goes back to, or None when there is none."""
    return _read(engine_dir / "base.json") if (engine_dir / BASE).is_dir() else None


def kept_file(run_dir: Path) -> Path:
    return run_dir / "kept" / "platform.snapshot"


def _read(path: Path) -> Header | None:
    try:
        return parse_header(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _write(path: Path, header: Header) -> None:
    write_whole(path, format_header(header).encode())
