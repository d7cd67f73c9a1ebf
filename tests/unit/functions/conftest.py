"""The functions' modules, importable as they are in a bundle: from its root."""

import sys
from pathlib import Path

DATA_PLATFORM = Path(__file__).parents[3] / "functions" / "data_platform"

for folder in (DATA_PLATFORM, DATA_PLATFORM / "capture_sales", DATA_PLATFORM / "process_orders"):
    sys.path.insert(0, str(folder))
