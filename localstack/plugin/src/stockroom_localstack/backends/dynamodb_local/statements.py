"""What PartiQL statements consume, which DynamoDB Local does not tell.

This runs where DynamoDB Local does, see main.py. A statement is executed by DynamoDB Local's own code,
on a database that notes which items are read and written, and DynamoDB Local's own rules tell what these consume.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import jpype

from .java import MODEL, SHARED, private, some_of

# A page of what a statement reads ends with the item that makes it so large.
PAGE_BYTES = 1 << 20


def execute(client: Any, operation: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Do ExecuteStatement, BatchExecuteStatement or ExecuteTransaction, and return the answer with what was consumed.

    client: DynamoDB Local's own, of the database. Return None where the answer is an error: nothing was done, and
    DynamoDB Local says it in its own words when it is asked.
    """
    mapper = jpype.JClass(f"{SHARED}.mapper.DynamoDbObjectMapper")()
    noted = Noting(client.dbAccess)
    function = function_of(operation, client, jpype.JProxy(f"{SHARED}.access.LocalDBAccess", inst=noted))
    try:
        answered = function.apply(mapper.readValue(json.dumps(request), jpype.JClass(f"{MODEL}.{operation}Request")))
    except jpype.JClass("java.lang.Exception"):
        return None
    answer: dict[str, Any] = json.loads(str(mapper.writeValueAsString(answered)))
    consumption = Consumption(client, str(request["ReturnConsumedCapacity"]))
    parts = [
        json.loads(str(mapper.writeValueAsString(one))) for one in consumption.of(operation, request, answer, noted)
    ]
    tables = dict.fromkeys(part["TableName"] for part in parts)
    told = [reduce(added, (part for part in parts if part["TableName"] == name)) for name in tables]
    return answer | {"ConsumedCapacity": told[0] if operation == "ExecuteStatement" else told}


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Add up what two accesses to one table consumed, and their parts."""

    def of(name: str) -> Any:
        if name not in one or name not in other:
            return one.get(name, other.get(name))
        if isinstance(one[name], dict):
            return added(one[name], other[name])
        return one[name] if isinstance(one[name], str) else one[name] + other[name]

    return {name: of(name) for name in one | other}


def function_of(operation: str, client: Any, access: Any) -> Any:
    """Make what executes the operation, as the client makes it, for another database than the client's."""
    parts = ("localPartiQLDbEnv", "inputConverter", "localDBOutputConverter", "awsExceptionFactory", "documentFactory")
    given = [access, *(private(client, name) for name in parts)]
    if operation != "ExecuteTransaction":
        given.append(jpype.JClass(f"{SHARED}.helpers.TransactionsEnabledMode").TRANSACTIONS_DISABLED)
    return jpype.JClass(f"{SHARED}.access.api.dp.{operation}Function")(*given)


@dataclass
class Read:
    """Items that were read one after the other; `index` is None where that was in the table itself."""

    table: str
    index: str | None
    items: list[Any]


@dataclass
class Write:
    """An item before and after; None where there was none."""

    table: str
    key: Any
    before: Any
    after: Any


@dataclass
class Noting:
    """A database as DynamoDB Local knows one, which notes what is done and has another do it.

    `pages` and `items` are in the order of the reads. `writes` has one of each item that was accessed by its key.
    """

    access: Any
    pages: list[Read] = field(default_factory=list)
    items: list[Read] = field(default_factory=list)
    writes: dict[tuple[str, str], Write] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.access, name)

    def getRecord(self, table: Any, key: Any) -> Any:  # noqa: N802 # Java's name
        item = self.access.getRecord(table, key)
        self.items.append(Read(str(table), None, [item]))
        self.writes.setdefault((str(table), str(key)), Write(str(table), key, item, item))
        return item

    def queryRecords(self, table: Any, index: Any, *arguments: Any) -> Any:  # noqa: N802 # Java's name
        found = self.access.queryRecords(table, index, *arguments)
        self.pages.append(Read(str(table), index and str(index), list(found.getReturnedRecords())))
        return found

    def putRecord(self, table: Any, item: Any, *arguments: Any) -> None:  # noqa: N802 # Java's name
        self._note(table, self._key_of(table, item), item)
        self.access.putRecord(table, item, *arguments)

    def deleteRecord(self, table: Any, key: Any, *arguments: Any) -> bool:  # noqa: N802 # Java's name
        self._note(table, key, None)
        return bool(self.access.deleteRecord(table, key, *arguments))

    def _note(self, table: Any, key: Any, after: Any) -> None:
        write = Write(str(table), key, self.access.getRecord(table, key), after)
        self.writes[str(table), str(key)] = write

    def _key_of(self, table: Any, item: Any) -> Any:
        return some_of(item, self.access.getTableInfo(table).getBaseTableKeyNames())


class Consumption:
    """DynamoDB Local's rules of what is consumed. `detail` is TOTAL, or INDEXES for the parts too."""

    def __init__(self, client: Any, detail: str) -> None:
        self._access = client.dbAccess
        self._detail = jpype.JClass(f"{MODEL}.ReturnConsumedCapacity").fromValue(detail)
        self._rules = jpype.JClass(f"{SHARED}.helpers.ConsumedCapacityUtils")
        mode = jpype.JClass(f"{SHARED}.helpers.TransactionsEnabledMode")
        self._alone, self._together = mode.TRANSACTIONS_DISABLED, mode.TRANSACTIONS_ENABLED
        self._write = rule_of_writes(client)

    def of(self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any], noted: Noting) -> list[Any]:
        """Return what each read or write consumed."""
        statements = request.get("TransactStatements") or request.get("Statements") or [request]
        mode = self._together if operation == "ExecuteTransaction" else self._alone
        if not is_read(statements[0]):
            return [self._of_write(write, mode) for write in noted.writes.values()]
        if operation == "ExecuteStatement":
            page = Read(noted.pages[0].table, noted.pages[0].index, page_of(noted.pages, request.get("Limit")))
            return [self._of_read(page, bool(request.get("ConsistentRead")), mode)]
        # One that is wrong has read nothing.
        answers = answer.get("Responses") or []
        right = [one for one, of_it in zip(statements, answers, strict=False) if "Error" not in of_it]
        asked = [mode is self._together or bool(one.get("ConsistentRead")) for one in right]
        return [self._of_read(read, strong, mode) for read, strong in zip(noted.items, asked, strict=False)]

    def _of_read(self, read: Read, strong: bool, mode: Any) -> Any:
        """Return what a read consumed: as much as the smallest item where it found nothing."""
        nothing = jpype.java.util.HashMap()
        items = jpype.java.util.ArrayList([nothing if item is None else item for item in read.items or [None]])
        one_by_one = len(items) == 1  # which counts nothing as the smallest item
        is_global = read.index is not None and bool(self._access.getTableInfo(read.table).isGSIIndex(read.index))
        is_local = read.index is not None and not is_global
        names = (read.table, read.index)
        return self._rules.computeConsumedCapacity(
            items, is_global, is_local, *names, one_by_one, strong, mode, self._detail
        )

    def _of_write(self, write: Write, mode: Any) -> Any:
        before, after = write.before, write.after
        if before is None and after is None:
            before = after = write.key
        mutation = jpype.JClass(f"{SHARED}.access.api.Mutation")(before, after)
        return self._write(write.table, mutation, self._detail, mode)


def is_read(statement: Mapping[str, Any]) -> bool:
    return str(statement["Statement"]).lstrip()[:6].upper() == "SELECT"


def page_of(reads: list[Read], limit: int | None) -> list[Any]:
    """Return what one answer has gone through of all that could be read."""
    size_of = jpype.JClass(f"{SHARED}.access.LocalDBUtils").getItemSizeBytes
    page: list[Any] = []
    size = 0
    for item in (item for read in reads for item in read.items):
        page.append(item)
        size += int(size_of(item))
        if size >= PAGE_BYTES or len(page) == limit:
            break
    return page


def rule_of_writes(client: Any) -> Callable[..., Any]:
    """Return the method of DynamoDB Local that tells what a write consumes, and that only its own classes may call."""
    function = function_of("ExecuteStatement", client, client.dbAccess)
    kind = jpype.JClass(f"{SHARED}.access.api.dp.WriteDataPlaneFunction").class_
    [method] = [one for one in kind.getDeclaredMethods() if str(one.getName()) == "computeWriteCapacity"]
    method.setAccessible(True)
    return lambda *arguments: method.invoke(function, jpype.JArray(jpype.JObject)(list(arguments)))
