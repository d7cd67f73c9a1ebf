"""Filter patterns of CloudWatch Logs.

ERROR -debug ?a ?b "two words"             terms: all of the first, none of the second, one of the third
%ERR(OR)?%                                 a regular expression
{ $.level = "ERROR" && $.ms > 100 }        what is in a JSON object
[ip, user, status=4*, size>1000]           fields between spaces, by place
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Values = Mapping[str, Any]
Test = Callable[[Any], bool]
MISSING = object()

TOKENS = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*")|(?P<expression>%(?:\\.|[^%\\])*%)|(?P<sign>&&|\|\||!=|<=|>=|[=<>(){}\[\],])"""
    r"""|(?P<word>[^\s=<>!(){},&|"\[\]]+(?:\[[^\]]*\][^\s=<>!(){},&|"\[\]]*)*))""",
    re.VERBOSE,
)
FIELDS = re.compile(r'\[[^\]]*\]|"(?:\\.|[^"\\])*"|\S+')
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda value, limit: value < limit,
    ">": lambda value, limit: value > limit,
    "<=": lambda value, limit: value <= limit,
    ">=": lambda value, limit: value >= limit,
}


class PatternError(ValueError):
    """What is no filter pattern; the message says where it stops being one."""


@dataclass(frozen=True)
class Pattern:
    """read: what it sees of a message, None if that is of another kind. matches: whether it lets that through."""

    read: Callable[[str], Any]
    matches: Test

    def __call__(self, message: str) -> bool:
        seen = self.read(message)
        return seen is not None and self.matches(seen)

    def value(self, message: str, selector: str) -> Any:
        """What a metric filter's value names, such as $.ms or $size; None where it is not there."""
        seen = self.read(message)
        if isinstance(seen, str) or seen is None:
            return None
        found = select(seen, selector) if selector.startswith("$.") else seen.get(selector.removeprefix("$"), MISSING)
        return None if found is MISSING else found


@cache
def parse(pattern: str) -> Pattern:
    """Raises PatternError."""
    stripped = pattern.strip()
    if stripped.startswith("{"):
        return Pattern(_object, _Reader(stripped).whole("{", "}", _json_condition))
    if stripped.startswith("["):
        return _fields(stripped)
    return Pattern(lambda message: message, _terms(stripped))


def select(value: Any, selector: str) -> Any:
    """What a selector such as $.a.b[0] or $.a["b.c"] names; MISSING where it is not there."""
    for name, place, quoted in re.findall(
        r"""\.?([^.\[\]]+)|\[(\d+|\*)\]|\[["']([^"']*)["']\]""", selector.removeprefix("$")
    ):
        key = name or quoted
        if key:
            value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
        elif isinstance(value, list):
            value = value if place == "*" else value[int(place)] if int(place) < len(value) else MISSING
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def _object(message: str) -> Any:
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _terms(pattern: str) -> Test:
    required: list[Test] = []
    excluded: list[Test] = []
    optional: list[Test] = []
    for sign, term in re.findall(r"""([?-]?)("(?:\\.|[^"\\])*"|%[^%]*%|[^\s"]+)""", pattern):
        test = _term(term)
        (optional if sign == "?" else excluded if sign == "-" else required).append(test)

    def matches(message: str) -> bool:
        # As on AWS: beside a term that has to be there, those that may be there say nothing.
        return (
            all(test(message) for test in required)
            and not any(test(message) for test in excluded)
            and (bool(required) or not optional or any(test(message) for test in optional))
        )

    return matches


def _term(term: str) -> Callable[[str], bool]:
    if term.startswith("%") and term.endswith("%") and len(term) > 1:
        return _expression(term)
    text = json.loads(term) if term.startswith('"') else term
    return lambda message: text in message


def _expression(term: str) -> Callable[[str], bool]:
    try:
        expression = re.compile(term[1:-1])
    except re.error as error:
        raise PatternError(f"{term} is no regular expression: {error}") from error
    return lambda message: expression.search(message) is not None


class _Reader:
    """Reads conditions that are joined by && and || and put into parentheses."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            token = TOKENS.match(text, place)
            if not token or not token.lastgroup:
                raise PatternError(f"the filter pattern can't be read from here: {text[place:]}")
            self.tokens.append((token.lastgroup, token[token.lastgroup]))
            place = token.end()
        self.place = 0

    def whole(self, opening: str, closing: str, condition: Callable[[_Reader], Test]) -> Test:
        self.expect(opening)
        test = self.alternatives(condition)
        self.expect(closing)
        if self.place != len(self.tokens):
            raise PatternError(f"the filter pattern goes on after {closing}")
        return test

    def alternatives(self, condition: Callable[[_Reader], Test]) -> Test:
        tests = [self.conjunction(condition)]
        while self.take("||"):
            tests.append(self.conjunction(condition))
        return lambda value: any(test(value) for test in tests)

    def conjunction(self, condition: Callable[[_Reader], Test]) -> Test:
        tests = [self.part(condition)]
        while self.take("&&"):
            tests.append(self.part(condition))
        return lambda value: all(test(value) for test in tests)

    def part(self, condition: Callable[[_Reader], Test]) -> Test:
        if not self.take("("):
            return condition(self)
        test = self.alternatives(condition)
        self.expect(")")
        return test

    def next(self) -> tuple[str, str]:
        if self.place == len(self.tokens):
            raise PatternError("the filter pattern ends too early")
        self.place += 1
        return self.tokens[self.place - 1]

    def take(self, token: str) -> bool:
        if self.place < len(self.tokens) and self.tokens[self.place][1] == token:
            self.place += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.take(token):
            found = self.tokens[self.place][1] if self.place < len(self.tokens) else "its end"
            raise PatternError(f"the filter pattern has {found} where {token} is expected")


def _json_condition(reader: _Reader) -> Test:
    kind, selector = reader.next()
    if kind != "word" or not selector.startswith("$"):
        raise PatternError(f"{selector} is no selector such as $.level")
    if reader.take("IS"):
        word = reader.next()[1]
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}
        if word not in wanted:
            raise PatternError(f"IS {word} is none of IS NULL, IS TRUE, IS FALSE")
        return lambda value: select(value, selector) is wanted[word]
    if reader.take("NOT"):
        reader.expect("EXISTS")
        return lambda value: select(value, selector) is MISSING
    compare = _comparison(reader)

    def test(value: Any) -> bool:
        found = select(value, selector)
        if isinstance(found, list) and selector.endswith("[*]"):
            return any(compare(one) for one in found)
        return compare(found)

    return test


def _comparison(reader: _Reader) -> Test:
    """A sign and a value."""
    sign = reader.next()[1]
    kind, text = reader.next()
    if sign in COMPARISONS:
        limit, compare = _number(text), COMPARISONS[sign]
        if limit is None:
            raise PatternError(f"{text} is no number, as {sign} needs one")
        return lambda value: (number := _number(value)) is not None and compare(number, limit)
    if sign not in ("=", "!="):
        raise PatternError(f"{sign} is none of =, !=, <, >, <=, >=")
    equal = _equality(kind, text)
    if sign == "=":
        return lambda value: value is not MISSING and equal(value)
    return lambda value: value is not MISSING and not equal(value)


def _equality(kind: str, text: str) -> Test:
    if kind == "expression":
        found = _expression(text)
        return lambda value: isinstance(value, str | int | float) and found(_text(value))
    number = _number(text) if kind == "word" else None
    wanted = json.loads(text) if kind == "text" else text
    like = re.compile(fnmatch.translate(re.sub(r"([\[?])", r"[\1]", wanted))) if "*" in wanted else None

    def equal(value: Any) -> bool:
        if number is not None and (found := _number(value)) is not None:
            return found == number
        if isinstance(value, dict | list) or value is None:
            return False
        return bool(like.match(_text(value))) if like else _text(value) == wanted

    return equal


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _fields(pattern: str) -> Pattern:
    """Of a pattern in brackets, whose ... stands for fields that nobody names."""
    if not pattern.endswith("]"):
        raise PatternError("the filter pattern has no ] at its end")
    parts = [part.strip() for part in _split(pattern[1:-1])]
    names: list[str] = []
    tests: list[Test] = []
    for number, part in enumerate(parts):
        word = re.match(r"[\w.-]*|\.\.\.", part)
        name = part if part == "..." else (word[0] if word and word[0] else f"w{number + 1}")
        names.append(name)
        if part not in (name, ""):
            tests.append(_Reader(f"({part})").whole("(", ")", _field_condition))

    def read(message: str) -> dict[str, str] | None:
        return _named(names, [_unwrapped(one) for one in FIELDS.findall(message)])

    return Pattern(read, lambda values: all(test(values) for test in tests))


def _field_condition(reader: _Reader) -> Test:
    kind, word = reader.next()
    if kind != "word":
        raise PatternError(f"{word} is no name of a field")
    compare = _comparison(reader)
    return lambda values: compare(values.get(word, MISSING))


def _split(text: str) -> list[str]:
    return re.findall(r'(?:[^,"]|"(?:\\.|[^"\\])*")+|(?<=,)(?=,|$)|^(?=,)', text) or [""]


def _named(names: list[str], fields: list[str]) -> dict[str, str] | None:
    if "..." not in names:
        return dict(zip(names, fields, strict=True)) if len(names) == len(fields) else None
    place = names.index("...")
    before, after = names[:place], names[place + 1 :]
    if len(fields) < len(before) + len(after):
        return None
    last = fields[len(fields) - len(after) :] if after else []
    return dict(zip(before, fields, strict=False)) | dict(zip(after, last, strict=True))


def _unwrapped(field: str) -> str:
    return field[1:-1] if len(field) > 1 and field[0] + field[-1] in ('""', "[]") else field
