import socket
from pathlib import Path

import pytest

from stockroom.local import doctor
from stockroom.local.doctor import FAILED, OK, Finding, examine
from stockroom.settings import Settings
from stockroom.system import installation


def _findings(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(settings)}


def test_a_machine_that_can_run_these_tests_is_ready(settings: Settings) -> None:
    findings = _findings(settings)
    assert {"python", "uv", "terraform", "provider", "environment", "emulator", "disk", "engine", "git"} == set(
        findings
    )
    assert not [finding for finding in findings.values() if finding.result == FAILED]
    assert "localstack is stopped" in findings["engine"].detail
    assert not settings.run_dir.exists()


def test_what_fails_says_how_to_mend_it(tmp_path: Path) -> None:
    findings = _findings(
        Settings(
            run_dir=tmp_path / "run",
            engine="external",
            endpoint="http://127.0.0.1:1",
            terraform=tmp_path / "nowhere",
            provider_mirror=tmp_path,
        )
    )
    failed = {name for name, finding in findings.items() if finding.result == FAILED}
    assert failed == {"terraform", "provider", "engine"}
    assert all(findings[name].mend for name in failed)
    assert "nowhere" in findings["terraform"].detail
    assert findings["engine"].detail == "nothing answers at STOCKROOM_ENDPOINT=http://127.0.0.1:1"
    assert findings["emulator"].result == OK


def test_a_taken_port_is_found(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port)):
        finding = _findings(settings)["engine"]
    assert finding.result == FAILED
    assert finding.detail.startswith(f"port {settings.port} is taken by process ")
    assert finding.mend == "stop it, or set STOCKROOM_PORT to a free port"


def test_no_docker(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = _findings(settings.model_copy(update={"engine": "docker"}))["engine"]
    assert (finding.result, finding.detail) == (
        FAILED,
        "the engine `docker` needs Docker, and there is no docker command",
    )


def test_no_disk_space(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    check = installation.check_free_space
    monkeypatch.setattr(doctor, "check_free_space", lambda folder, needed_mb: check(folder, needed_mb * 10**9))
    finding = _findings(settings)["disk"]
    assert finding.result == FAILED
    assert "no disk space" in finding.detail
    assert finding.mend is not None


def test_outside_of_git(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert _findings(settings)["git"].result == doctor.WARNING
