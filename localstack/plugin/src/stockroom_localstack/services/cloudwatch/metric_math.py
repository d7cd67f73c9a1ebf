"""Metric math: expressions over time series, such as 100 * errors / FILL(calls, 0) or SUM(METRICS()).

A series is its values by the second at which each period begins.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

Series = dict[float, float]
Value = float | Series | list[Series]

OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: one / other if other else math.nan,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
OF_MANY: Mapping[str, Callable[[list[float]], float]] = {"AVG": fmean, "MAX": max, "MIN": min, "SUM": math.fsum}
OF_ONE: Mapping[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}


class ExpressionError(ValueError):
    """An expression is wrong, or one that the emulator does not do; the message names it."""


def evaluate_all(expressions: Mapping[str, str], metrics: Mapping[str, Series]) -> dict[str, Value]:
    """The values of expressions by id, which may name each other, in whatever order. Raises ExpressionError."""
    known: dict[str, Value] = dict(metrics)
    left = dict(expressions)
    while left:
        names = [name for name, text in left.items() if not _names(text) & left.keys()]
        if not names:
            raise ExpressionError(f"the metric math expressions {', '.join(left)} need each other")
        for name in names:
            known[name] = evaluate(left.pop(name), known, metrics)
    return {name: known[name] for name in expressions}


def evaluate(expression: str, known: Mapping[str, Value], metrics: Mapping[str, Series] | None = None) -> Value:
    """The value of one expression. known: values by the ids of the queries that it may name. metrics: of those that
    are no expressions. Raises ExpressionError."""
    return _Evaluation(known, metrics or {}).value(_parsed(expression))


def _parsed(expression: str) -> ast.expr:
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise ExpressionError(f"the metric math expression {expression!r} can't be read") from error
    return tree.body


def _names(expression: str) -> set[str]:
    return {node.id for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Name)}


class _Evaluation:
    def __init__(self, known: Mapping[str, Value], metrics: Mapping[str, Series]) -> None:
        self._known = known
        self._metrics = metrics

    def value(self, node: ast.expr) -> Value:  # noqa: PLR0911  # one for each kind
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self._known:
                return self._known[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _pairwise(operator.mul, -1.0, self.value(operand))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
                return _pairwise(OPERATORS[type(sign)], self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in OPERATORS:
                return _pairwise(OPERATORS[type(sign)], self.value(left), self.value(right))
            case ast.List(elts=elements):
                return [_series_of(self.value(each)) for each in elements]
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name.upper(), arguments)
        raise ExpressionError(f"the emulator's metric math does not know {ast.unparse(node)}")

    def _call(self, name: str, nodes: list[ast.expr]) -> Value:  # noqa: PLR0911  # one for each kind
        if name == "METRICS" and not nodes:
            return list(self._metrics.values())
        arguments = [self.value(node) for node in nodes]
        match name, arguments:
            case _, [one] if name in OF_MANY:
                return _of_many(OF_MANY[name], one)
            case _, [one] if name in OF_ONE:
                return _pairwise(lambda value, _: OF_ONE[name](value), one, 0.0)
            case "PERIOD", [dict() as one]:
                return _period(one)
            case "RATE", [dict() as one]:
                return _rate(one)
            case "FILL", [dict() as one, float() as value]:
                return self._filled(one, value)
            case "IF", [condition, one, other]:
                return _chosen(condition, one, other)
        raise ExpressionError(f"the emulator's metric math does not do {name} of {len(arguments)} arguments")

    def _filled(self, one: Series, value: float) -> Series:
        known = sorted({moment for each in self._metrics.values() for moment in each})
        return {moment: one.get(moment, value) for moment in known}


def _pairwise(function: Callable[[float, float], float], one: Value, other: Value) -> Value:
    """Where both have a value; what has no number, such as a division by 0, is left out."""
    if isinstance(one, list) or isinstance(other, list):
        many = one if isinstance(one, list) else other
        assert isinstance(many, list)
        return [
            _series_of(_pairwise(function, each, other) if many is one else _pairwise(function, one, each))
            for each in many
        ]
    if isinstance(one, float) and isinstance(other, float):
        return float(function(one, other))
    moments = one if isinstance(one, dict) else other
    assert isinstance(moments, dict)
    pairs = {
        moment: float(function(_at(one, moment), _at(other, moment)))
        for moment in moments
        if not (isinstance(other, dict) and moment not in other)
    }
    return {moment: value for moment, value in pairs.items() if not math.isnan(value)}


def _at(value: float | Series, moment: float) -> float:
    return value[moment] if isinstance(value, dict) else value


def _series_of(value: Value) -> Any:
    return value


def _of_many(function: Callable[[list[float]], float], value: Value) -> Value:
    """Of several series one; of one series, or of numbers, one number."""
    if isinstance(value, float):
        return value
    if isinstance(value, dict):
        return function(list(value.values())) if value else math.nan
    if all(isinstance(each, float) for each in value):
        return function([float(each) for each in value])  # type: ignore[arg-type]
    moments = sorted({moment for each in value if isinstance(each, dict) for moment in each})
    return {
        moment: function([_at(each, moment) for each in value if not isinstance(each, dict) or moment in each])
        for moment in moments
    }


def _period(one: Series) -> float:
    moments = sorted(one)
    return min((later - sooner for sooner, later in pairwise(moments)), default=60.0)


def _rate(one: Series) -> Series:
    moments = sorted(one)
    return {later: (one[later] - one[sooner]) / (later - sooner) for sooner, later in pairwise(moments)}


def _chosen(condition: Value, one: Value, other: Value) -> Value:
    if isinstance(condition, float):
        return one if condition else other
    if not isinstance(condition, dict) or isinstance(one, list) or isinstance(other, list):
        raise ExpressionError("the emulator's metric math does not do IF of several series")
    picked = {moment: one if is_true else other for moment, is_true in condition.items()}
    return {
        moment: _at(source, moment)
        for moment, source in picked.items()
        if not isinstance(source, dict) or moment in source
    }
