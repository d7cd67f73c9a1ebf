import subprocess
import sys
import time
from pathlib import Path

from stockroom.project import ROOT
from stockroom.system.file_lock import exclusive

HOLDER = """
import sys
from pathlib import Path
from stockroom.system.file_lock import exclusive
with exclusive(Path(sys.argv[1]), sys.argv[2], lambda words: print(words, flush=True)):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


def _holder(lock: Path, purpose: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock), purpose],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _say(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_the_second_says_who_holds_the_lock_and_waits(tmp_path: Path) -> None:
    lock = tmp_path / "deep" / "run.lock"
    with _holder(lock, "invoke infra-up") as first:
        assert _say(first) == "held"
        with _holder(lock, "invoke infra-down") as second:
            waiting = _say(second)
            assert waiting.startswith(f"waiting for `invoke infra-up` (process {first.pid}, since ")
            first.communicate("\n")
            assert _say(second) == "held"
            second.communicate("\n")


def test_the_lock_of_a_killed_holder_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    with _holder(lock, "invoke infra-up") as first:
        assert _say(first) == "held"
        first.kill()
    notes: list[str] = []
    start = time.monotonic()
    with exclusive(lock, "invoke infra-up", notes.append):
        pass
    assert time.monotonic() - start < 1
    assert not notes


def test_a_child_of_the_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    notes: list[str] = []
    with exclusive(lock, "one", notes.append):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    try:
        with exclusive(lock, "two", notes.append):
            assert not notes
    finally:
        child.kill()
        child.wait()


def test_a_damaged_lock_file_locks_all_the_same(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    lock.write_bytes(b"{not json")
    with exclusive(lock, "one", print), _holder(lock, "two") as second:
        assert "waiting for `one`" in _say(second)
        second.kill()


def test_an_error_in_the_block_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    try:
        with exclusive(lock, "one", print):
            raise KeyError("x")
    except KeyError:
        pass
    assert lock.read_text() == ""
    with exclusive(lock, "two", print):
        assert '"two"' in lock.read_text()
