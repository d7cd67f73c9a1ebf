import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.run import run_to_end

WAITS = """
import sys, time
print("begun", flush=True)
try:
    time.sleep(600)
finally:
    print("undone", flush=True)
"""


def test_a_command_leaves_its_output_and_its_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os, sys; print(os.environ['WORD']); sys.exit(3)"]
    assert run_to_end(command, os.environ | {"WORD": "here"}, tmp_path / "log", 60) == 3
    assert (tmp_path / "log").read_text() == "here\n"


def test_a_command_that_takes_too_long_is_ended_and_may_undo_what_it_did(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_to_end([sys.executable, "-c", WAITS], os.environ, tmp_path / "log", 5)
    assert (tmp_path / "log").read_text().startswith("begun\nundone\n")
