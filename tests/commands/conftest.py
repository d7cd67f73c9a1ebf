from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.system.processes import free_port, port_holder, processes_in
from tests.commands.stockroom_command import Commands


@pytest.fixture
def stockroom(tmp_path: Path) -> Iterator[Commands]:
    """Runs commands for a platform of the test's own, and sees that none of them started anything."""
    commands = Commands(tmp_path / "run", free_port())
    yield commands
    assert not list(processes_in(commands.run_dir))
    assert port_holder(commands.port) is None
