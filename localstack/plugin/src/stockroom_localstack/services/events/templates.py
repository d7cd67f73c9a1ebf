"""Input templates of EventBridge, filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

PLACEHOLDER = re.compile(r"<([^<>]+)>")
QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')


class TemplateError(ValueError):
    """A template that makes no JSON with this event."""


def fill_in(template: str, values: Mapping[str, Any]) -> Any:
    """What the target gets: parsed JSON, or text. Raises TemplateError.

    values: of all placeholders. A template is JSON, or one placeholder, or text in quotes.
    """
    stripped = template.strip()
    if alone := PLACEHOLDER.fullmatch(stripped):
        return values.get(alone[1], "")
    is_json = stripped.startswith(("{", "["))

    def replace(match: re.Match[str]) -> str:
        value = values.get(match[1], "")
        quoted = len(QUOTE.findall(template, 0, match.start())) % 2 == 1
        if not is_json:
            return value if isinstance(value, str) else _plain(value)
        if not quoted:
            return json.dumps(value, ensure_ascii=False)
        return json.dumps(value, ensure_ascii=False)[1:-1] if isinstance(value, str) else _inside_a_text(value)

    filled = PLACEHOLDER.sub(replace, template)
    if not is_json:
        filled = filled.replace("\\n", "\n").strip()
        return filled[1:-1] if len(filled) > 1 and filled[0] == filled[-1] == '"' else filled
    for text in (filled, filled.replace("\\n", "\n")):  # newlines between the values may be written as escapes
        try:
            return json.loads(text)
        except ValueError as error:
            wrong = error
    raise TemplateError(f"the input template makes no JSON: {wrong}")


def _plain(value: Any) -> str:
    """In text: without quotes, as AWS does."""
    if isinstance(value, list):
        return f"[{','.join(one if isinstance(one, str) else _plain(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace('"', "")


def _inside_a_text(value: Any) -> str:
    """In a text of JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace('"', "") if isinstance(value, dict | list) else text
