"""Loads a dataset into DynamoDB, SQS, Kinesis and S3.

seed.seeding.load(Path("online_retail.csv"), target, work_dir=Path(".stockroom/run/seed"))
"""

from stockroom.project import ROOT

STACK = "data_platform"
"""The stack whose data this is."""

SAMPLE_DIR = ROOT / "fixtures"
"""The committed sample of data."""
