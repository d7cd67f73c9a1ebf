"""The functions' modules, importable as they are in a bundle: from its root."""

import sys
from pathlib import Path

DATA_PLATFORM = Path(__file__).parents[3] / "functions" / "data_platform"

for function in ("capture_sales", "process_orders"):
    sys.path.insert(0, str(DATA_PLATFORM / function))
