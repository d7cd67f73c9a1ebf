import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from stockroom.engines import host_process, localstack, make_engine
from stockroom.engines.docker import DockerEngine
from stockroom.engines.external import ExternalEngine
from stockroom.engines.health import Health, read_health
from stockroom.engines.localstack import LocalStackEngine
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.system.processes import PidFile, free_port, port_holder, processes_in

ANSWERS = {
    "/localstack/_localstack/health": (200, b'{"version": "4.14.0", "services": {}}'),
    "/other/_localstack/health": (200, b'{"status": "UP"}'),
    "/list/_localstack/health": (200, b"[1]"),
    "/text/_localstack/health": (200, b"<html>hello</html>"),
    "/ill/_localstack/health": (503, b"starting"),
}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code, content = ANSWERS.get(self.path, (404, b""))
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Not into the output of the tests."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as httpd:
        Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def not_http() -> Iterator[str]:
    """Something that speaks another protocol, as an SSH server does."""

    def talk() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=talk, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("path", "health"),
    [
        ("/localstack", Health("4.14.0")),
        ("/other", Health(None)),
        ("/list", Health(None)),
        ("/text", Health(None)),
        ("/nothing-there", Health(None)),
        ("/ill", None),
    ],
)
def test_health_of_what_answers(server: str, path: str, health: Health | None) -> None:
    assert read_health(server + path) == health


def test_what_speaks_no_http_is_not_healthy(not_http: str) -> None:
    assert read_health(not_http) is None


def test_health_goes_past_every_proxy(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert read_health(f"{server}/localstack") == Health("4.14.0")


def test_the_settings_choose_the_engine(settings: Settings) -> None:
    assert isinstance(make_engine(settings), LocalStackEngine)
    assert isinstance(make_engine(Settings(engine="docker")), DockerEngine)
    assert isinstance(make_engine(Settings(engine="external", endpoint="http://127.0.0.1:1")), ExternalEngine)


# The engine `external`


def test_an_external_engine_that_answers(server: str) -> None:
    engine = ExternalEngine(Settings(engine="external", endpoint=f"{server}/localstack"))
    assert engine.start() is False
    engine.wait_until_ready()
    status = engine.status()
    assert (status.state, status.version, status.endpoint) == ("running", "4.14.0", f"{server}/localstack")
    assert engine.is_running()
    assert engine.stop() is False
    assert engine.status().state == "running"
    with pytest.raises(StockroomError, match="has no log here"):
        engine.log_lines(False, 10)


def test_an_external_engine_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockroom.engines.external._PATIENCE_SECONDS", 0.3)
    endpoint = f"http://127.0.0.1:{free_port()}"
    engine = ExternalEngine(Settings(engine="external", endpoint=endpoint))
    assert engine.status().state == "stopped"
    assert not engine.is_running()
    with pytest.raises(StockroomError, match="nothing answers at STOCKROOM_ENDPOINT=") as error:
        engine.wait_until_ready()
    assert endpoint in error.value.message


# The engine `docker`


@pytest.fixture
def no_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with a docker command whose daemon does not answer."""
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")


@pytest.mark.usefixtures("no_daemon")
def test_docker_without_a_daemon(tmp_path: Path) -> None:
    engine = DockerEngine(Settings(engine="docker", run_dir=tmp_path / "run", port=free_port()))
    for call in (engine.start, lambda: list(engine.log_lines(False, 10))):
        with pytest.raises(StockroomError, match="needs Docker, and no Docker daemon answers") as error:
            call()
        assert error.value.hint is not None
        assert "needs no Docker" in error.value.hint
    assert engine.status().state == "stopped"
    assert engine.stop() is False
    assert not (tmp_path / "run").exists()


def test_docker_without_a_docker_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = DockerEngine(Settings(engine="docker", run_dir=tmp_path / "run", port=free_port()))
    with pytest.raises(StockroomError, match="there is no docker command"):
        engine.start()
    assert engine.status().state == "stopped"
    assert engine.stop() is False


# The engine `localstack`

EMULATOR = f"""#!{sys.executable}
import http.server, json, os, subprocess, sys
host, port = os.environ["GATEWAY_LISTEN"].split(":")
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"version": "4.14.0"}}')
    def log_message(self, *words): pass
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
print(json.dumps(dict(os.environ)))
http.server.HTTPServer((host, int(port)), Health).serve_forever()
"""
DYING = "#!/bin/sh\necho the disk is full\necho good bye\nexit 3\n"


def _emulate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """In place of the emulator's interpreter a program that behaves as the emulator does."""
    path = tmp_path / "emulator"
    path.write_text(program)
    path.chmod(0o755)
    monkeypatch.setattr(localstack, "python", lambda: path)


def test_the_life_of_an_emulator(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _emulate(monkeypatch, tmp_path, EMULATOR)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "production")
    engine = LocalStackEngine(settings)
    assert engine.stop() is False
    try:
        assert engine.start() is True
        assert engine.start() is False
        engine.wait_until_ready()
        assert engine.is_running()
        status = LocalStackEngine(settings).status()
        assert (status.state, status.version) == ("running", "4.14.0")
        assert status.memory_mb
        assert LocalStackEngine(settings).start() is False, "another command finds it by its pid file"
        seen = json.loads("\n".join(engine.log_lines(False, 50)))
        assert "production" not in seen.values()
        assert seen["GATEWAY_LISTEN"] == f"127.0.0.1:{settings.port}"
        assert seen["AWS_ENDPOINT_URL"] == seen["AWS_ENDPOINT_URL_S3"] == f"http://127.0.0.1:{settings.port}"
        for name in ("HOME", "FILESYSTEM_ROOT", "STOCKROOM_EMULATOR_RUN_DIR"):
            assert Path(seen[name]).is_relative_to(settings.engine_dir)
    finally:
        stopped = LocalStackEngine(settings).stop()
    assert stopped
    assert not engine.is_running()
    assert engine.status().state == "stopped"
    assert port_holder(settings.port) is None
    assert not list(processes_in(settings.run_dir)), "nor a child that it left behind"
    assert engine.stop() is False


def test_a_port_that_is_taken_is_reported_with_its_holder(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port)), pytest.raises(StockroomError) as error:
        LocalStackEngine(settings).start()
    assert error.value.message.startswith(f"port {settings.port} is taken by process {os.getpid()} (")
    assert error.value.hint == "stop it, or set STOCKROOM_PORT to a free port"
    assert not settings.run_dir.exists()


def test_a_stale_pid_file_and_what_a_dead_emulator_left_heal(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _emulate(monkeypatch, tmp_path, EMULATOR)
    (settings.engine_dir / "tmp").mkdir(parents=True)
    (settings.engine_dir / "tmp" / "old-data").touch()
    dead = subprocess.Popen(["sleep", "60"])
    PidFile(settings.engine_dir / "pid").write(dead.pid)
    dead.kill()
    dead.wait()
    orphan = subprocess.Popen(["sleep", "60"], cwd=settings.engine_dir, start_new_session=True)
    engine = LocalStackEngine(settings)
    try:
        assert engine.status().state == "stopped"
        assert engine.start() is True
        orphan.wait(10)
        engine.wait_until_ready()
        assert not (settings.engine_dir / "tmp" / "old-data").exists()
    finally:
        engine.stop()


def test_waiting_for_one_that_dies_ends_with_its_last_words(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _emulate(monkeypatch, tmp_path, DYING)
    engine = LocalStackEngine(settings)
    engine.start()
    with pytest.raises(StockroomError, match="the emulator ended while it was starting") as error:
        engine.wait_until_ready()
    assert error.value.details == "the disk is full\ngood bye"
    assert error.value.hint == f"the whole log is in {settings.engine_dir / 'localstack.log'}"
    assert engine.status().state == "stopped"


def test_one_that_never_answers(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _emulate(monkeypatch, tmp_path, "#!/bin/sh\nexec sleep 60\n")
    engine = LocalStackEngine(settings.model_copy(update={"start_timeout": 0}))
    try:
        engine.start()
        with pytest.raises(StockroomError, match="did not answer within") as error:
            engine.wait_until_ready()
        assert error.value.hint == "STOCKROOM_START_TIMEOUT gives it longer"
        assert engine.status().state == "starting"
    finally:
        assert engine.stop()


def test_what_is_watched_while_waiting_may_end_the_wait(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _emulate(monkeypatch, tmp_path, "#!/bin/sh\nexec sleep 60\n")
    engine = LocalStackEngine(settings)

    def watch() -> None:
        raise KeyboardInterrupt

    try:
        engine.start()
        with pytest.raises(KeyboardInterrupt):
            engine.wait_until_ready(watch)
    finally:
        assert engine.stop()


def test_no_disk_space(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    free_mb = shutil.disk_usage(settings.run_dir.parent).free // 2**20
    monkeypatch.setattr(host_process, "NEEDED_MB", 2 * free_mb)
    with pytest.raises(StockroomError, match=r"no disk space: .* MB left and \d+ MB are needed"):
        LocalStackEngine(settings).start()
    assert port_holder(settings.port) is None
