from pathlib import Path

import pytest

from stockroom.settings import Settings
from stockroom.system.processes import free_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a platform of the test's own: an empty folder and a free port."""
    return Settings(run_dir=tmp_path / "run", port=free_port(), start_timeout=5)
