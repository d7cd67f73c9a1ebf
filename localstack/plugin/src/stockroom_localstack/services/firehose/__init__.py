"""Firehose, as LocalStack has it."""
