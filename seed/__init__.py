"""Loads a dataset into DynamoDB, SQS, Kinesis and S3; `load` is the way in.

report = seed.load(Path("online_retail.csv"), target, work_dir=Path(".stockroom/run/seed"))
"""

from seed.progress import Progress
from seed.report import SeedReport
from seed.seeding import check, load
from seed.target import SeedTarget

__all__ = ["Progress", "SeedReport", "SeedTarget", "check", "load"]
