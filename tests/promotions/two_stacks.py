"""A second stack beside the small one, written into the world's repository: it has the same names everywhere.

Both have a function `greet`, a layer `words`, a queue `jobs`, a table `items`, a secret `key` and a parameter, under
the same addresses and outputs. Only what AWS wants to be unique is not the same.
"""

from __future__ import annotations

import re

from stockroom.project import ROOT
from tests.promotions.world import ACCOUNTS, FILES, STACK

OTHER = "archive"
FUNCTIONS = {STACK: "greet", OTHER: f"{OTHER}-greet"}
"""What AWS calls the function of each, behind "stockroom-<environment>-"."""

_LAYERS = {STACK: "iniconfig", OTHER: "pluggy"}
_UNIQUE = (
    ("-greet", f"-{OTHER}-greet"),
    ("}/greeting", f"}}/{OTHER}-greeting"),
    ("}/records", f"}}/{OTHER}"),
    ("-records-", f"-{OTHER}-"),
)

_THINGS = """locals {{ prefix = "${{var.project_name}}-${{var.environment}}-{stack}" }}

resource "aws_lambda_layer_version" "words" {{
  layer_name          = "${{local.prefix}}-words"
  s3_bucket           = var.artifact_bucket
  s3_key              = var.layers["words"]
  compatible_runtimes = ["python3.13"]
}}

resource "aws_sqs_queue" "jobs" {{
  #checkov:skip=CKV_AWS_27:Nothing is sent to it.
  name = "${{local.prefix}}-jobs"
}}

resource "aws_dynamodb_table" "items" {{
  #checkov:skip=CKV_AWS_28:Nothing is stored here.
  #checkov:skip=CKV_AWS_119:Nothing is stored here.
  #checkov:skip=CKV2_AWS_16:Nothing is stored here.
  name         = "${{local.prefix}}-items"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {{
    name = "id"
    type = "S"
  }}
}}

resource "aws_secretsmanager_secret" "key" {{
  #checkov:skip=CKV_AWS_149:A key of its own would take longer to make than all the rest.
  #checkov:skip=CKV2_AWS_57:Nobody uses it.
  name                    = "${{local.prefix}}-key"
  recovery_window_in_days = 0
}}

output "queue_urls" {{ value = {{ jobs = aws_sqs_queue.jobs.url }} }}
output "table_names" {{ value = {{ items = aws_dynamodb_table.items.name }} }}
output "secret_arns" {{ value = {{ key = aws_secretsmanager_secret.key.arn }} }}
"""


def both_stacks() -> dict[str, str | None]:
    """The files of both, to be committed."""
    return _things(STACK) | _second_stack() | _things(OTHER)


def stack_path(stack: str, name: str) -> str:
    return f"terraform/stacks/{stack}/{name}"


def function_path(stack: str) -> str:
    return f"functions/{stack}/greet/greet.py"


def code(stack: str, word: str) -> str:
    """Code of a function that tells the stacks apart."""
    return f'WORDS = "{stack} says {word}"\n\n\ndef handler(event: object, context: object) -> str:\n    return WORDS\n'


def no_second_stack() -> dict[str, str | None]:
    return dict.fromkeys([*_second_stack(), *_things(OTHER)])


def _second_stack() -> dict[str, str | None]:
    folder = FILES / "terraform" / "stacks" / STACK
    files: dict[str, str | None] = {}
    for path in (*folder.glob("*.tf"), folder / ".terraform.lock.hcl"):
        text = path.read_text()
        for old, new in _UNIQUE:
            text = text.replace(old, new)
        files[stack_path(OTHER, path.name)] = text
    for environment in ACCOUNTS:
        files[f"terraform/environments/{environment}/{OTHER}.tfvars"] = f'greeting = "hello from {OTHER}"\n'
    return files


def _things(stack: str) -> dict[str, str | None]:
    function = (FILES / "terraform" / "stacks" / STACK / "function.tf").read_text()
    if stack == OTHER:
        function = function.replace(*_UNIQUE[0])
    layer = "  publish       = true\n  layers        = [aws_lambda_layer_version.words.arn]\n"
    return {
        stack_path(stack, "function.tf"): function.replace("  publish       = true\n", layer),
        stack_path(stack, "things.tf"): _THINGS.format(stack=stack),
        function_path(stack): code(stack, "hello"),
        f"functions/{stack}/layers/words/requirements.txt": _locked(_LAYERS[stack]),
    }


def _locked(package: str) -> str:
    """The lines of a package in the toolkit's own lock."""
    lock = (ROOT / "requirements.txt").read_text()
    found = re.search(rf"^{package}==.*(?:\n    --hash.*)+", lock, re.MULTILINE)
    assert found, package
    return f"{found[0]}\n".replace(" \\\n    # via", "")
