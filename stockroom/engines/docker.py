"""LocalStack's own image, any version, through the `localstack` command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from stockroom.engines import Capabilities, EngineStatus
from stockroom.engines.health import read_health, wait_for_health
from stockroom.environments import LOCAL, local_process_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.system.processes import check_port_is_free


class DockerEngine:
    """A container named after its port; `LOCALSTACK_AUTH_TOKEN` is passed through to it and nowhere else."""

    name = "docker"
    emulator = "localstack"
    capabilities = Capabilities()

    def __init__(self, settings: Settings) -> None:
        self.endpoint = settings.local_endpoint
        self._port = settings.port
        self._folder = settings.engine_dir
        self._image = settings.docker_image
        self._timeout = settings.start_timeout
        self._token = settings.localstack_auth_token
        self._container = f"stockroom-{settings.port}"

    def check(self) -> None:
        self._check_docker()
        if not self._container_runs():
            check_port_is_free(self._port)

    def start(self, say: Callable[[str], None] = lambda _: None) -> bool:
        self.check()
        if self._container_runs():
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        say(f"starting {self._image}")
        done = self._localstack("start", "--detached", "--no-banner")
        if done.returncode:
            raise StockroomError(
                f"the image {self._image} did not start",
                "newer images need LOCALSTACK_AUTH_TOKEN; the engine `localstack` needs neither token nor Docker",
                _last(done.stdout),
            )
        return True

    def wait_until_ready(self, watch: Callable[[], None] | None = None) -> None:
        def give_up() -> StockroomError | None:
            if watch:
                watch()
            if self._container_runs():
                return None
            return StockroomError(
                f"the container {self._container} ended while it was starting",
                "newer images need LOCALSTACK_AUTH_TOKEN",
                "\n".join(self.log_lines(False, 15)),
            )

        wait_for_health(self.endpoint, self._timeout, give_up)

    def stop(self) -> bool:
        if shutil.which("docker") is None or not self._container_runs():
            return False
        return _docker("rm", "--force", "--volumes", self._container).returncode == 0

    def is_running(self) -> bool:
        return self._container_runs()

    def status(self) -> EngineStatus:
        if shutil.which("docker") is None or not self._container_runs():
            return EngineStatus(self.name, "stopped", self.endpoint, detail=self._image)
        health = read_health(self.endpoint)
        return EngineStatus(
            self.name,
            "running" if health else "starting",
            self.endpoint,
            version=health.version if health else None,
            detail=self._image,
        )

    def log_lines(self, follow_log: bool, lines: int) -> Iterator[str]:
        self._check_docker()
        command = [
            "docker",
            "logs",
            "--tail",
            str(lines),
            *(["--follow"] if follow_log else []),
            self._container,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            assert process.stdout
            for line in process.stdout:
                yield line.rstrip("\n")

    def _check_docker(self) -> None:
        hint = "start Docker, or unset STOCKROOM_ENGINE: the engine `localstack` needs no Docker"
        if shutil.which("docker") is None:
            raise StockroomError("the engine `docker` needs Docker, and there is no docker command", hint)
        if _docker("info", "--format", "{{.ServerVersion}}").returncode:
            raise StockroomError("the engine `docker` needs Docker, and no Docker daemon answers", hint)

    def _container_runs(self) -> bool:
        found = _docker("ps", "--quiet", "--filter", f"name=^{self._container}$")
        return found.returncode == 0 and bool(found.stdout.strip())

    def _localstack(self, *args: str) -> subprocess.CompletedProcess[str]:
        extra = {
            "IMAGE_NAME": self._image,
            "MAIN_CONTAINER_NAME": self._container,
            "GATEWAY_LISTEN": f"127.0.0.1:{self._port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{self._port}",
            "LOCALSTACK_VOLUME_DIR": str(self._folder / "volume"),
            "SQS_ENDPOINT_STRATEGY": "off",
            "DISABLE_EVENTS": "1",
        }
        if self._token:
            extra["LOCALSTACK_AUTH_TOKEN"] = self._token.get_secret_value()
        command = str(Path(sys.executable).parent / "localstack")
        return subprocess.run(
            [command, *args],
            env=local_process_environment(os.environ, self.endpoint, read_environment(LOCAL).region, extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def _docker(*args: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["docker", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=20,
        )
    except (subprocess.TimeoutExpired, FileNotFoundError) as error:
        return subprocess.CompletedProcess(["docker", *args], 1, str(error))


def _last(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-10:])
