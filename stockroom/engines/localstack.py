"""The default engine: the LocalStack 4.14.0 runtime as a process of this machine, without Docker."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from stockroom.engines import Capabilities, host_process
from stockroom.engines.emulator_installation import LAMBDA_VERSIONS, emulator_dir, install, plugin_modules, python
from stockroom.engines.emulator_state import RefusedStateError, state_folder
from stockroom.engines.host_process import HostProcessEngine
from stockroom.engines.logs import last_lines
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.stacks import early_services, read_manifests
from stockroom.system.installation import check_free_space

# The exit status of an emulator that has read its first state and can't load it (the plugin's state/first_state.py).
REFUSES_STATE = 3
REASON = "The state could not be loaded: "


class LocalStackEngine(HostProcessEngine):
    """LocalStack with our plugin."""

    name = emulator = "localstack"
    capabilities = Capabilities(snapshots=True, runtimes=tuple(f"python{version}" for version in LAMBDA_VERSIONS))
    _title = "LocalStack"
    _proves = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._state: Future[Path] | None = None

    def start(self, say: Callable[[str], None] = lambda _: None, state: Future[Path] | None = None) -> bool:
        """As of Engine; given a state, the folder of one that is being unpacked, the new world begins with that."""
        self._state = state
        return super().start(say)

    def _install(self, say: Callable[[str], None]) -> None:
        install(say)

    def _complete(self) -> None:
        if self._state:
            self._state.result().replace(state_folder(self._folder))

    def _error_of_status(self, status: int | None) -> type[StockroomError]:
        return RefusedStateError if status == REFUSES_STATE else StockroomError

    def _command(self) -> list[str]:
        return [str(python()), "-m", "stockroom_localstack"]

    def _variables(self) -> dict[str, str]:
        manifests = read_manifests()
        return {
            "GATEWAY_LISTEN": f"127.0.0.1:{self._port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{self._port}",
            "FILESYSTEM_ROOT": str(self._folder / "filesystem"),
            "OVERRIDE_IN_DOCKER": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            # Terraform accepts only URLs with the two parts account and name; every other strategy needs
            # DNS or a third part.
            "SQS_ENDPOINT_STRATEGY": "off",
            "LS_LOG": self._log_level,
            # There is no DNS of ours to serve, and port 53 may be somebody else's.
            "DNS_ADDRESS": "0",
            # What services ask of each other need not go through the network.
            "IN_MEMORY_CLIENT": "1",
            # Pollers wait for themselves. This is what they rest for when there is nothing to wait for.
            "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.01",
            "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
            # What has expired in tables goes within the hour, and not only when it is asked for.
            "DYNAMODB_REMOVE_EXPIRED_ITEMS": "1",
            # Our executor has limits of its own, which do not run while an environment waits for a processor.
            "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "600",
            **plugin_modules(),
            "STOCKROOM_EMULATOR_HOME": str(emulator_dir()),
            "STOCKROOM_EMULATOR_RUN_DIR": str(self._folder),
            "STOCKROOM_EMULATOR_SERVICES": ",".join(early_services(manifests, manifests)),
            "STOCKROOM_EMULATOR_ALLOWED_ORIGINS": ",".join(self._allowed_origins),
            "STOCKROOM_EMULATOR_PARENT": str(os.getpid()),
            **({"STOCKROOM_EMULATOR_STATE": str(state_folder(self._folder))} if self._state else {}),
            **({"STOCKROOM_EMULATOR_PROVES": "1"} if self._proves else {}),
        }


class LocalStackProof(LocalStackEngine):
    """The same, started with a state and for one purpose: to tell by its end whether that can be loaded.

    It listens to no port, and nothing in the state begins to work.
    """

    _proves = True

    def check(self) -> None:
        check_free_space(self._folder, host_process.NEEDED_MB)

    def wait_until_loaded(self) -> None:
        """Raises RefusedStateError when the state can't be loaded, and StockroomError when that could not be found out,
        both with the reason."""
        assert self._started
        try:
            status = self._started.wait(self._timeout)
        except subprocess.TimeoutExpired:
            raise StockroomError(f"it was not loaded within {self._timeout} s") from None
        if status:
            lines = last_lines(self._log, 1) or [f"exit status {status}"]
            raise self._error_of_status(status)(lines[-1].removeprefix(REASON))
