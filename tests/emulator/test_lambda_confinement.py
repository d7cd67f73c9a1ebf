"""What a function can touch of the machine, and what not: as little as on AWS, where Linux has Landlock."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stockroom.engines.emulator_installation import LOCALSTACK_DIR
from stockroom.project import HOME, ROOT

from .functions import Functions, client
from .recipe import Emulator, start_emulator

CONFINEMENT = LOCALSTACK_DIR / "plugin/src/stockroom_localstack/runtime/confinement_main.py"

# A function is forked, or gets an interpreter of its own because of a variable like this one.
WAYS = {"forked": {}, "new interpreter": {"PYTHONHASHSEED": "0"}}

RUNS_WHAT_IT_IS_TOLD = """
    import ctypes, os, pathlib, shutil, signal, socket, stat, subprocess, sys, tempfile
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result):
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def ancestors():
        process = os.getppid()
        while process > 0:
            yield process
            process = int(open(f"/proc/{process}/stat").read().rpartition(")")[2].split()[1])

    def handler(event, context):
        try:
            exec(event["source"], globals() | event)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "done"
"""

Run = Callable[[str], str]


def landlock_version() -> int:
    spec = importlib.util.spec_from_file_location("confinement_main", CONFINEMENT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return int(module.version())


@pytest.fixture
def secret(unique: str) -> Iterator[Path]:
    """A file in the user's home, wherever HOME leads: /tmp is open to functions."""
    file = Path(pwd.getpwuid(os.getuid()).pw_dir) / f".stockroom-{unique}"
    file.write_text("secret")
    file.chmod(0o700)
    yield file
    file.unlink(missing_ok=True)


@pytest.fixture(params=WAYS)
def run(functions: Functions, secret: Path, request: pytest.FixtureRequest) -> Run:
    """Runs Python in a function. In it `secret` is the path of a file in the home, `own` that of the test's process."""
    name = functions.make(RUNS_WHAT_IT_IS_TOLD, Environment={"Variables": WAYS[request.param]})
    event = {"secret": str(secret), "home": str(secret.parent), "tester": os.getpid()}
    return lambda source: str(functions.invoke(name, event | {"source": source}).payload)


CLOSED: Mapping[str, tuple[int, str]] = {
    # by name: the version of Landlock that closes it, and how to get there
    "a file in the home": (1, "open(secret)"),
    "a list of the home": (1, "os.listdir(home)"),
    "a symbolic link": (1, "link = tempfile.mktemp(); os.symlink(secret, link); open(link)"),
    "a hard link": (1, "link = tempfile.mktemp(); os.link(secret, link); open(link)"),
    "its own /proc/self/root": (1, "open('/proc/self/root' + secret)"),
    "its working directory's parents": (1, "open(os.path.relpath(secret))"),
    "a thread's root": (1, "open(f'/proc/self/task/{os.getpid()}/root' + secret)"),
    "a program": (1, "subprocess.run(['/bin/cat', secret], check=True, capture_output=True)"),
    "a program of another session": (1, "subprocess.run(['cat', secret], check=True, start_new_session=True)"),
    "a program in the home": (1, "subprocess.run([secret])"),
    "a new file in the home": (1, "open(secret + '-new', 'w')"),
    "a file that is moved there": (2, "open(path := tempfile.mktemp(), 'w'); os.rename(path, secret + '-moved')"),
    "a file that is deleted there": (1, "os.unlink(secret)"),
    "a file that is emptied there": (3, "os.truncate(secret, 0)"),
    "the interpreter": (1, "open(os.path.join(sys.prefix, 'new'), 'w')"),
    "a disk": (1, "os.mknod(path := tempfile.mktemp(), stat.S_IFBLK | 0o600, os.makedev(254, 0)); open(path)"),
    "a mount": (1, "check(libc.mount(home.encode(), tempfile.gettempdir().encode(), None, 4096, None))"),
    "a namespace with a mount": (
        1,
        "os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS) if sys.version_info > (3, 12) else None\n"
        "check(libc.mount(home.encode(), tempfile.gettempdir().encode(), None, 4096, None))",
    ),
    "a handle": (
        1,
        "handle = (ctypes.c_uint32 * 40)(128); mount = ctypes.c_int()\n"
        "check(libc.name_to_handle_at(-100, secret.encode(), handle, ctypes.byref(mount), 0))\n"
        "check(libc.open_by_handle_at(os.open('/tmp', os.O_RDONLY), handle, 0))",
    ),
    "the environment of the supervisor": (1, "open(f'/proc/{os.getppid()}/environ').read()"),
    "the environment of others above": (1, "[open(f'/proc/{p}/environ').read() for p in [*ancestors()][1:]]"),
    "the environment of the tester": (1, "open(f'/proc/{tester}/environ').read()"),
    "the memory of the supervisor": (1, "open(f'/proc/{os.getppid()}/mem', 'rb')"),
    "the root of the supervisor": (1, "open(f'/proc/{os.getppid()}/root{secret}')"),
    "an open file of the supervisor": (1, "open(f'/proc/{os.getppid()}/fd/1', 'w')"),
    "a socket of the tester": (1, "check(libc.syscall(438, os.pidfd_open(tester), 0, 0))"),
    "tracing the supervisor": (1, "check(libc.ptrace(16, os.getppid(), 0, 0))"),
    "tracing the tester": (1, "check(libc.ptrace(16, tester, 0, 0))"),
    "a signal to the supervisor": (6, "os.kill(os.getppid(), signal.SIGURG)"),
    "a signal to the tester": (6, "os.kill(tester, signal.SIGURG)"),
    "a signal to those above": (6, "[os.kill(process, signal.SIGURG) for process in ancestors()]"),
    "a signal by a file descriptor": (6, "signal.pidfd_send_signal(os.pidfd_open(tester), signal.SIGURG)"),
    "root's rights": (1, "os.setuid(0) if os.getuid() else os.chown(tempfile.mkdtemp(), 1, 1)"),
}


@pytest.mark.skipif(not landlock_version(), reason="this system has no Landlock")
def test_what_is_not_the_functions_is_closed_to_it(run: Run, secret: Path) -> None:
    version = landlock_version()
    answers = {name: run(source) for name, (since, source) in CLOSED.items() if since <= version}
    opened = {name: answer for name, answer in answers.items() if answer == "done"}
    assert opened == {}
    assert secret.read_text() == "secret"
    assert [file.name for file in secret.parent.glob(f"{secret.name}*")] == [secret.name]
    broken = {
        name: answer
        for name, answer in answers.items()
        if not any(word in answer for word in ("Errno", "non-zero exit status"))
    }
    assert broken == {}, "these did not even try"


@pytest.fixture
def emulator_outside_tmp(unique: str) -> Iterator[Emulator]:
    """One of its own, since that of the other tests is in /tmp, where everything is open."""
    folder = HOME / unique
    if folder.is_relative_to("/tmp"):
        pytest.skip("this checkout is in /tmp")
    emulator = start_emulator(folder)
    yield emulator
    emulator.stop()
    shutil.rmtree(folder)


@pytest.mark.skipif(not landlock_version(), reason="this system has no Landlock")
def test_code_can_not_be_changed_and_all_else_of_the_platform_is_closed(emulator_outside_tmp: Emulator) -> None:
    functions = Functions(client("lambda", emulator_outside_tmp.endpoint))
    victim = functions.make("def handler(event, context):\n    return __file__\n")
    sources = {
        "its own code": "open(__file__, 'a')",
        "the folder of its code": "open('new', 'w')",
        "another function's code": f"open({functions.invoke(victim).payload!r})",
        "the log": f"open({str(emulator_outside_tmp.folder / 'localstack.log')!r})",
        "the run directory": f"os.listdir({str(emulator_outside_tmp.folder)!r})",
        "the checkout": f"open({str(ROOT / 'README.md')!r})",
    }
    name = functions.make(RUNS_WHAT_IT_IS_TOLD)
    answers = {what: functions.invoke(name, {"source": source}).payload for what, source in sources.items()}
    assert {what: answer.partition(":")[0] for what, answer in answers.items()} == dict.fromkeys(
        sources, "PermissionError"
    )


@pytest.mark.skipif(landlock_version() < 6, reason="this system's Landlock knows no abstract sockets")
def test_abstract_sockets_of_others_are_closed(run: Run, unique: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{unique}")
        listening.listen()
        assert "Errno 1" in run(f"socket.socket(socket.AF_UNIX).connect('\\0{unique}')")


OPEN = {
    "its code": "open(__file__).read(); open('app.py').read(); os.listdir(os.environ['LAMBDA_TASK_ROOT'])",
    "its temporary folder": "f = tempfile.NamedTemporaryFile('w'); f.write('x'); f.flush(); open(f.name).read()",
    "/tmp": (
        "path = f'/tmp/{os.getpid()}'; open(path, 'w').write('x')\nos.rename(path, path + 'a'); os.unlink(path + 'a')"
    ),
    "a program in its temporary folder": (
        "path = shutil.copy('/bin/ls', tempfile.mktemp()); subprocess.run([path], check=True, stdout=-3)"
    ),
    "files of the system": "open('/etc/passwd').read(); open('/proc/cpuinfo').read(); os.listdir('/usr/lib')",
    "itself in /proc": "open('/proc/self/environ').read(); os.listdir('/proc/self/fd')",
    "a child in /proc": (
        "child = subprocess.Popen(['sleep', '9'])\n"
        "open(f'/proc/{child.pid}/environ').read(); child.kill(); child.wait()"
    ),
    "a child's signals": "child = subprocess.Popen(['sleep', '99']); os.kill(child.pid, signal.SIGTERM); child.wait()",
    "devices": "open('/dev/null', 'w').write('x'); open('/dev/urandom', 'rb').read(1); open('/dev/stdout', 'w')",
    "its interpreter": "subprocess.run([sys.executable, '-c', 'import boto3, ssl, sqlite3'], check=True)",
    "names": "socket.getaddrinfo('localhost', 80)",
    "certificates": "import ssl; ssl.create_default_context()",
    "time zones": "import zoneinfo; zoneinfo.ZoneInfo('Europe/Berlin') if os.path.exists('/usr/share/zoneinfo') else 0",
    "pipes": "a, b = os.pipe(); open(f'/proc/self/fd/{b}', 'w').write('x')",
    "the emulator": "import boto3; boto3.client('sts').get_caller_identity()",
}


def test_what_a_function_has_on_aws_is_open_to_it(run: Run) -> None:
    assert {name: run(source) for name, source in OPEN.items()} == dict.fromkeys(OPEN, "done")


def test_compiled_modules_are_kept_for_the_next_environment(functions: Functions) -> None:
    source = """
        import os, part
        def handler(event, context):
            return os.listdir(os.path.dirname(part.__file__) + "/__pycache__")
    """
    found: Any = functions.run(source, files={"part.py": "X = 1\n"}).payload
    assert any(name.startswith("part.") for name in found)
