"""What is asked for with a foreign folder: which folder, workspace and variables, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.foreign.request import Request, is_folder, make_request
from stockroom.project import ROOT
from stockroom.settings import Settings

SETTINGS = Settings()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/main.tf").write_text("")
    return (tmp_path / "shop").resolve()


def request(folder: Path, shell: dict[str, str] | None = None, **words: object) -> Request:
    return make_request(SETTINGS, shell or {}, str(folder), **words)  # type: ignore[arg-type]


def test_two_folders_of_one_name_have_states_of_their_own(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other/shop"
    other.mkdir(parents=True)
    (other / "main.tf").write_text("")
    assert request(folder).state_name != request(other).state_name
    (tmp_path / "link").symlink_to(folder)
    assert request(folder).state_name == request(tmp_path / "link").state_name


def test_the_name_of_any_folder_becomes_a_key(tmp_path: Path) -> None:
    strange = tmp_path / ("späße & co" * 9)
    strange.mkdir()
    (strange / "main.tf").write_text("")
    identity = request(strange).identity
    assert identity.isascii()
    assert len(identity) <= 64
    assert not set(identity) & set(" /&.")


def test_the_workspace_is_asked_for_or_set_or_selected(folder: Path) -> None:
    assert request(folder).workspace == "default"
    (folder / ".terraform").mkdir()
    (folder / ".terraform/environment").write_text("selected\n")
    assert request(folder).workspace == "selected"
    assert request(folder, {"TF_WORKSPACE": "set"}).workspace == "set"
    assert request(folder, {"TF_WORKSPACE": "set"}, workspace="asked").workspace == "asked"
    with pytest.raises(StockroomError, match="no name of a workspace"):
        request(folder, workspace="a/b")


def test_the_states_of_workspaces_are_apart(folder: Path) -> None:
    default, dev = request(folder), request(folder, workspace="dev")
    assert default.state_of_workspace == default.state_name
    assert dev.state_of_workspace == f"workspaces/dev/{default.state_name}"


def test_variables_become_terraforms_options_files_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    (folder.parent / "here.tfvars").write_text("")
    (folder / "there.tfvars").write_text("")
    variables = request(folder, var=["a=1", "b=x=y"], var_file=["here.tfvars", "there.tfvars"]).variables
    files = [f"-var-file={folder.parent / 'here.tfvars'}", f"-var-file={folder / 'there.tfvars'}"]
    assert variables == (*files, "-var=a=1", "-var=b=x=y")
    assert request(folder).variables is None


@pytest.mark.parametrize(
    ("words", "message"),
    [({"var": ["a"]}, "--var a: no value"), ({"var_file": ["x.tfvars"]}, "--var-file x.tfvars: there is no such file")],
)
def test_words_that_say_nothing_are_refused(folder: Path, words: dict[str, list[str]], message: str) -> None:
    with pytest.raises(StockroomError, match=message):
        make_request(SETTINGS, {}, str(folder), **words)  # type: ignore[arg-type]


def test_what_is_no_folder_of_terraforms_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "tofu").mkdir()
    (tmp_path / "tofu/main.tofu").write_text("")
    for path, message in {
        tmp_path / "nowhere": "there is no folder",
        folder / "main.tf": "is no folder",
        tmp_path / "empty": "holds no Terraform files",
        tmp_path: "holds no Terraform files",
        tmp_path / "tofu": "main.tofu",
        ROOT / "terraform/stacks/data_platform": "is a stack of this project",
        ROOT / ".stockroom": "working folder of the toolkit",
    }.items():
        if path.name != ".stockroom" or path.exists():
            with pytest.raises(StockroomError) as refused:
                request(path)
            assert message in refused.value.message
    with pytest.raises(StockroomError) as refused:
        request(tmp_path)
    assert "shop" in (refused.value.hint or "")


def test_what_has_gone_can_still_be_taken_down(tmp_path: Path) -> None:
    assert request(tmp_path / "gone", gone=True).path == (tmp_path / "gone").resolve()


def test_a_folder_is_told_from_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("shop", "prod"):
        (tmp_path / name).mkdir()
    assert [is_folder(word) for word in ("shop", "./prod", "../x", "/x", "~/x", ".")] == [True] * 6
    assert [is_folder(word) for word in ("prod", "dev", "unknown")] == [False] * 3
