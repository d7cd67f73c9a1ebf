import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.local.request import Request
from stockroom.releases.code import clean_code
from stockroom.releases.release import Release
from stockroom.settings import Settings
from stockroom.system.processes import PidFile, free_port
from stockroom.testing import own_platform as own_platform_module
from stockroom.testing.own_platform import OwnPlatform, choose_port, own_folder, undisturbed

QUIET = Steps(quiet=True)


def folders(runs: Path) -> list[str]:
    return sorted(path.name for path in runs.iterdir() if path.is_dir() and not path.is_symlink())


def dead_run(runs: Path, name: str, kept: bool = False) -> tuple[Path, psutil.Popen]:
    """What a killed run leaves: its folder, and an engine that goes on (here: a process that works in its folder)."""
    folder = runs / name
    engine = folder / "platform" / "engine"
    engine.mkdir(parents=True)
    (folder / "lock").touch()
    (folder / "report.html").touch()
    (engine / "localstack.log").write_text("the end")
    (folder / "platform.json").write_text(json.dumps({"engine": "localstack", "port": free_port()}))
    if kept:
        (folder / "kept").touch()
    process = psutil.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=engine, start_new_session=True)
    PidFile(engine / "pid").write(process.pid)
    return folder, process


def test_a_folder_for_each_run(tmp_path: Path) -> None:
    with own_folder("one", QUIET, tmp_path) as one:
        assert (tmp_path / "latest").resolve() == one
        (one / "platform").mkdir()
        script = (
            "import sys; from pathlib import Path\n"
            "from stockroom.console import Steps; from stockroom.testing.own_platform import own_folder\n"
            "with own_folder('two', Steps(quiet=True), Path(sys.argv[1])) as two: print(two)"
        )
        two = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout.strip()
        assert two != str(one)
        assert (one / "platform").exists(), "a run that lives is left alone"
        assert (tmp_path / "latest").resolve() == Path(two)


def test_what_a_killed_run_left_is_taken_down(tmp_path: Path) -> None:
    folder, process = dead_run(tmp_path, "20260101-000000-000001")
    with own_folder("next", QUIET, tmp_path):
        assert not process.is_running()
        assert not (folder / "platform").exists()
        assert (folder / "report.html").exists()
        assert (folder / "logs" / "engine" / "localstack.log").read_text() == "the end"


def test_a_kept_platform_is_left_alone_while_it_runs(tmp_path: Path) -> None:
    folder, process = dead_run(tmp_path, "20260101-000000-000001", kept=True)
    with own_folder("next", QUIET, tmp_path):
        assert process.is_running()
        assert (folder / "platform").exists()
    process.kill()
    process.wait()
    with own_folder("next", QUIET, tmp_path):
        assert not (folder / "platform").exists()


@pytest.mark.parametrize("content", ["", "{}", '{"port": "many"}', '{"no": "setting"}'])
def test_a_damaged_folder_is_cleaned_all_the_same(tmp_path: Path, content: str) -> None:
    folder, process = dead_run(tmp_path, "20260101-000000-000001")
    (folder / "platform.json").write_text(content)
    (folder / "lock").unlink()
    with own_folder("next", QUIET, tmp_path):
        assert not process.is_running()
        assert not (folder / "platform").exists()


def test_ten_runs_are_kept(tmp_path: Path) -> None:
    for number in range(15):
        (tmp_path / f"20260101-0000{number:02}-000001").mkdir()
    with own_folder("next", QUIET, tmp_path) as folder:
        assert folders(tmp_path) == [*(f"20260101-0000{number:02}-000001" for number in range(6, 15)), folder.name]


def test_a_platform_has_settings_of_its_own(tmp_path: Path, settings: Settings) -> None:
    chosen = settings.model_copy(update={"seed_dataset": tmp_path / "x.csv", "terraform": tmp_path / "tf"})
    platform = OwnPlatform(chosen, tmp_path)
    assert platform.settings.port != settings.port
    assert platform.settings.run_dir == tmp_path / "platform"
    assert (platform.settings.seed_dataset, platform.settings.terraform) == (None, tmp_path / "tf")
    environment = platform.test_environment()
    assert environment["AWS_ENDPOINT_URL"] == platform.endpoint
    assert environment["AWS_ACCESS_KEY_ID"] == "test"


def test_an_engine_of_somebody_else_is_refused(tmp_path: Path, settings: Settings) -> None:
    external = settings.model_copy(update={"engine": "external", "endpoint": "http://127.0.0.1:4566"})
    with pytest.raises(StockroomError, match="start an engine of their own"):
        OwnPlatform(external, tmp_path)


def test_stopping_is_not_interrupted() -> None:
    with undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_runs_use_the_same_ports_again_but_never_one_that_is_in_use(tmp_path: Path, settings: Settings) -> None:
    platforms = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        platforms.append(OwnPlatform(settings, tmp_path / name))
    first, second = (platform.settings.port for platform in platforms)
    assert first != second
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", choose_port(tmp_path)))
        listener.listen()
        assert choose_port(tmp_path) not in {first, second, listener.getsockname()[1]}
    (tmp_path / "one" / "platform").rmdir()
    assert choose_port(tmp_path) == first


@pytest.mark.parametrize("changed", [False, True])
def test_what_is_tested_is_a_clean_check_out_or_said_not_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changed: bool
) -> None:
    asked: list[Request] = []

    def up(settings: Settings, request: Request, *_: object) -> SimpleNamespace:
        asked.append(request)
        return SimpleNamespace(release=Release("d" * 64, None, dirty=False))

    clone = tmp_path / "clone"
    function = clone / "functions" / "shop" / "greet" / "greet.py"
    function.parent.mkdir(parents=True)
    function.write_text("")
    author = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *words], cwd=clone, check=True)
    if changed:
        function.write_text("# changed\n")
    monkeypatch.setattr(own_platform_module, "clean_code", partial(clean_code, root=clone))
    monkeypatch.setattr(own_platform_module, "infra_up", up)
    monkeypatch.setattr(own_platform_module, "deployed_outputs", lambda *_: {})
    monkeypatch.setattr(own_platform_module, "session_for", lambda *_: None)
    runs = tmp_path / "runs" / "one"
    runs.mkdir(parents=True)
    platform = OwnPlatform(Settings(), runs)
    with ThreadPoolExecutor(1) as pool:
        platform.start_in(pool, Steps())
        platform.wait_until_up()
    (request,) = asked
    assert request.code
    assert request.code.root == (clone if changed else platform.settings.run_dir / "committed" / request.code.root.name)
    assert (request.code.commit is None) == changed
    assert ("no promotion takes its evidence" in capsys.readouterr().out) == changed
