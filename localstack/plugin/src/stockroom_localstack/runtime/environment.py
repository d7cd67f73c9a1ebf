"""The environment variables a Lambda function sees: built from nothing, so that nothing of the emulator leaks in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# How LocalStack's own runtime inside a container finds its way back. A function on AWS has none of these.
LOCALSTACK_ONLY = (
    "EDGE_PORT",
    "LOCALSTACK_FUNCTION_ACCOUNT_ID",
    "LOCALSTACK_HOSTNAME",
    "LOCALSTACK_INIT_LOG_LEVEL",
    "LOCALSTACK_MAX_PAYLOAD_SIZE",
    "LOCALSTACK_POST_INVOKE_WAIT_MS",
    "LOCALSTACK_RUNTIME_ENDPOINT",
    "LOCALSTACK_RUNTIME_ID",
    "LOCALSTACK_USER",
)
LANGUAGE = "en_US.UTF-8"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Places:
    """Where the parts of one execution environment are on this machine.

    task_root: the unpacked bundle (/var/task on AWS). layers: unpacked, in the order of the configuration (merged in
    /opt on AWS). private: a folder of this environment alone (/tmp on AWS). interpreter: its Python.
    """

    task_root: Path
    layers: tuple[Path, ...]
    private: Path
    interpreter: Path

    def here(self, path: str) -> Path:
        """Where a path of AWS is on this machine. What is neither of the code nor of a layer is returned as it is."""
        given = Path(path)
        if given.is_relative_to("/var/task"):
            return self.task_root / given.relative_to("/var/task")
        if given.is_relative_to("/opt"):
            found = [layer / given.relative_to("/opt") for layer in reversed(self.layers)]
            return next((each for each in found if each.exists()), given)
        return given


def function_environment(
    prepared: Mapping[str, object],
    configured: Mapping[str, str],
    places: Places,
    *,
    runtime: str,
    declared: str,
    runtime_api: str,
) -> dict[str, str]:
    """
    prepared: LocalStack's variables: AWS's reserved ones, the role's credentials, the endpoint, `configured`.
    configured: the variables of the function's own configuration; these win, as on AWS.
    runtime: python3.X, for the layers' folders and AWS_EXECUTION_ENV. declared: the one that the function asks for,
    whose layers' folders count too. runtime_api: host:port.
    """
    # A later layer overwrites an earlier one in /opt, so the last is searched first.
    layers = tuple(reversed(places.layers))
    python_path = [
        *(
            layer / "python" / "lib" / name / "site-packages"
            for layer in layers
            for name in dict.fromkeys((declared, runtime))
        ),
        *(layer / "python" for layer in layers),
    ]
    libraries = [places.task_root, places.task_root / "lib", *(layer / "lib" for layer in layers)]
    variables = {name: str(value) for name, value in prepared.items() if name not in LOCALSTACK_ONLY}
    variables |= {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "LAMBDA_TASK_ROOT": str(places.task_root),
        "LAMBDA_RUNTIME_DIR": str(places.interpreter.parent.parent),
        "LANG": LANGUAGE,
        "PATH": _joined([SYSTEM_PATH, *(layer / "bin" for layer in layers)]),
        "LD_LIBRARY_PATH": _joined(libraries),
        "PYTHONPATH": _joined(python_path),
        "HOME": str(places.private),
        "TMPDIR": str(places.private),
    }
    variables |= {name: str(value) for name, value in configured.items()}
    if configured.get("PYTHONPATH"):
        variables["PYTHONPATH"] = _joined([configured["PYTHONPATH"], *python_path])
    variables["AWS_LAMBDA_RUNTIME_API"] = runtime_api
    return {name: value for name, value in variables.items() if value}


def _joined(parts: Iterable[str | Path]) -> str:
    return ":".join(str(part) for part in parts)
