"""The functions' modules, importable as they are in a bundle: from its root."""

import sys
from pathlib import Path

DATA_PLATFORM = Path(__file__).parents[3] / "functions" / "data_platform"

functions = sorted(folder for folder in DATA_PLATFORM.iterdir() if (folder / f"{folder.name}.py").is_file())
for folder in (DATA_PLATFORM, *functions):
    sys.path.insert(0, str(folder))
