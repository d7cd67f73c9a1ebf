"""What tests of snapshots share: the parts and the header of one."""

from stockroom.snapshots.archive import Header
from stockroom.snapshots.keys import Parts

PARTS = Parts(
    2, "localstack", "locks", "plugin", "toolkit", "terraform 1.11.4", "http://127.0.0.1:4566", "local",
    ("data_platform",), "release 2", {"data_platform": "sample"},
)  # fmt: skip
HEADER = Header(PARTS, "2026-01-02T03:04:05+00:00", 12, None, {"data_platform": {"products": 3}})
