"""The files of a skeleton: templates with `{{ name }}` in texts and file names, and copies of the toolkit's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from stockroom import __version__
from stockroom.toolkit import OWN_FILES

Files = dict[str, bytes]
"""Content by name below the project's folder, with `/`."""

MODULES = ("dynamodb", "kms", "lambda", "sqs")
"""The toolkit's modules that the skeleton of a stack uses; a project has copies of its own."""

_TEMPLATES = Path(__file__).with_name("templates")
_PLACEHOLDER = re.compile(r"\{\{ ?(\w+) ?\}\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with values in place of `{{ name }}`. Raises KeyError for a name without a value."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def project_files(name: str) -> Files:
    """A project without a stack."""
    files = _filled("project", "", {"project": name, "version": __version__})
    files |= {file: (OWN_FILES / file).read_bytes() for file in (".env.example", ".gitignore")}
    for module in MODULES:
        files |= _copied(f"terraform/modules/{module}")
    return files


def stack_files(project: str, stack: str, environments: Iterable[str], local: str = "local") -> Files:
    """A stack with no function yet, and its variables for every environment."""
    values = {"project": project, "stack": stack, "stack_name": hyphenated(stack)}
    files = _filled("stack", f"terraform/stacks/{stack}/", values)
    variables = _filled("environment", "", values)
    return files | {
        f"terraform/environments/{name}/{stack}.tfvars": variables[f"{'local' if name == local else 'account'}.tfvars"]
        for name in environments
    }


def function_files(stack: str, function: str) -> Files:
    """A function of a stack, with its tests."""
    return _filled("function", "", {"stack": stack, "function": function})


def module_files(module: str) -> Files:
    """A Terraform module."""
    return _filled("module", f"terraform/modules/{module}/", {"module": module})


def hyphenated(name: str) -> str:
    """As AWS resources are named."""
    return name.replace("_", "-")


def _filled(template: str, prefix: str, values: Mapping[str, str]) -> Files:
    """The files of a template, their names behind the prefix."""
    top = _TEMPLATES / template
    return {
        prefix + fill(path.relative_to(top).as_posix(), values): fill(path.read_text(encoding="utf-8"), values).encode()
        for path in _files_below(top)
    }


def _copied(folder: str) -> Files:
    return {path.relative_to(OWN_FILES).as_posix(): path.read_bytes() for path in _files_below(OWN_FILES / folder)}


def _files_below(top: Path) -> list[Path]:
    """Every file but those that Terraform and Python write beside them."""
    written = {".terraform", "__pycache__"}
    return [
        path
        for path in sorted(top.rglob("*"))
        if path.is_file() and not written.intersection(path.relative_to(top).parts)
    ]
