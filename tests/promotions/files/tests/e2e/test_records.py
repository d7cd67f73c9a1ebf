"""The one end-to-end test of the small stack: reads through AWS APIs only, as the real ones do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import boto3
import pytest

pytestmark = pytest.mark.smoke


def test_greeting_can_be_read() -> None:
    outputs = json.loads(Path(os.environ["STOCKROOM_E2E_OUTPUTS"]).read_text())
    assert boto3.client("ssm").get_parameter(Name=outputs["records"]["greeting_name"])["Parameter"]["Value"]
