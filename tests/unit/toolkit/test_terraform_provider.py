from __future__ import annotations

import os
from pathlib import Path

import pytest

from stockroom.processes import processes_in
from stockroom.terraform_provider import parse_reattach, running_provider

VALUE = '{"registry.terraform.io/hashicorp/aws":{"Pid":1}}'


def provider(folder: Path, says: str) -> Path:
    """A program that says something and then works until it is told to end."""
    program = folder / "terraform-provider-aws_v1"
    program.write_text(f'#!/bin/sh\necho "$@ $SECRET" >&2\n{says}\ncd {folder}\nexec sleep 600\n')
    program.chmod(0o755)
    return program


def test_terraform_is_told_how_to_attach_and_the_provider_ends_with_it(tmp_path: Path) -> None:
    says = f"echo 'Set the variable:'\ncat <<'END'\n\tTF_REATTACH_PROVIDERS='{VALUE}'\nEND"
    log, environment = tmp_path / "log", {"PATH": os.defpath, "SECRET": "given"}
    with running_provider(provider(tmp_path, says), tmp_path, environment, log) as variables:
        assert variables == {"TF_REATTACH_PROVIDERS": VALUE}
        assert list(processes_in(tmp_path))
    assert not list(processes_in(tmp_path))
    assert log.read_text() == "-debug given\n"


def test_it_ends_also_when_terraform_fails(tmp_path: Path) -> None:
    program = provider(tmp_path, "echo \"TF_REATTACH_PROVIDERS='{}'\"")
    running = running_provider(program, tmp_path, {"PATH": os.defpath}, tmp_path / "log")
    with pytest.raises(ValueError, match="no"), running:
        raise ValueError("no")
    assert not list(processes_in(tmp_path))


def test_one_that_does_not_start_is_left_to_terraform(tmp_path: Path) -> None:
    program = provider(tmp_path, "exit 1")
    with running_provider(program, tmp_path, {"PATH": os.defpath}, tmp_path / "log") as variables:
        assert variables == {}


def test_what_tells_how_to_attach() -> None:
    lines = ["Provider started.\n", f"\tTF_REATTACH_PROVIDERS='{VALUE}'\n", "TF_REATTACH_PROVIDERS='other'\n"]
    assert parse_reattach(iter(lines)) == VALUE
    assert parse_reattach(iter(lines[:1])) is None
