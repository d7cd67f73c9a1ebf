"""The engine MiniStack, with a program in its place that behaves as it does."""

import json
import sys
from pathlib import Path

import pytest

from stockroom.engines import make_engine, ministack
from stockroom.engines.ministack import MiniStackEngine
from stockroom.local import doctor
from stockroom.settings import Settings
from stockroom.system.installation import Installation
from stockroom.system.processes import port_holder, processes_in

PROGRAM = f"""#!{sys.executable}
import http.server, json, os, subprocess
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"version": "1.5.33"}}')
    def log_message(self, *words): pass
subprocess.Popen(["sleep", "60"])
print(json.dumps(dict(os.environ)))
http.server.HTTPServer((os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"])), Health).serve_forever()
"""


def test_the_settings_choose_it() -> None:
    assert isinstance(make_engine(Settings(engine="ministack")), MiniStackEngine)


def test_its_life(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ministack"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setattr(ministack, "python", lambda: program)
    monkeypatch.setattr(ministack, "install", lambda say: say("installing"))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "production")
    engine, said = MiniStackEngine(settings), list[str]()
    try:
        assert engine.start(said.append) is True
        assert said == ["installing", "starting MiniStack"]
        engine.wait_until_ready()
        status = MiniStackEngine(settings).status()
        assert (status.name, status.state, status.version) == ("ministack", "running", "1.5.33")
        seen = json.loads("\n".join(engine.log_lines(False, 50)))
        assert "production" not in seen.values()
        assert seen["BIND_HOST"] == "127.0.0.1"
        assert seen["AWS_ENDPOINT_URL"] == seen["AWS_ENDPOINT_URL_S3"] == settings.local_endpoint
        for name in ("HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR"):
            assert Path(seen[name]).is_relative_to(settings.engine_dir)
            assert Path(seen[name]).is_dir()
    finally:
        assert engine.stop()
    assert port_holder(settings.port) is None
    assert not list(processes_in(settings.run_dir))


def test_doctor_tells_whether_it_is_installed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = Installation("MiniStack", tmp_path / "home", (program_lock(tmp_path),), needed_mb=1)
    monkeypatch.setattr(ministack, "INSTALLATION", installation)
    own = settings.model_copy(update={"engine": "ministack"})
    assert "not installed yet" in finding(own).detail
    (installation.folder / "runtimes" / "python3.13").mkdir(parents=True)
    (installation.folder / "installed").touch()
    assert finding(own).detail == "installed; Lambda runtimes: python3.13"


def program_lock(folder: Path) -> Path:
    lock = folder / "requirements.txt"
    lock.write_text("ministack==1.5.33\n")
    return lock


def finding(settings: Settings) -> doctor.Finding:
    return next(one for one in doctor.examine(settings) if one.check == "emulator")
