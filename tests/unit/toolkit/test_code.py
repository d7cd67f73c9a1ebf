"""What is built is the commit, whatever a clone is told to overlook, to replace or to turn into something else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.releases.bundles import bundle_files
from stockroom.releases.code import Code, checked_out, clean_code, work_tree
from stockroom.releases.release import read_release, release_digest, release_files
from stockroom.system import git

FUNCTION = "functions/shop/greet"
HANDLER = f"{FUNCTION}/greet.py"
MODULE = "terraform/modules/queue/main.tf"
FILES = {
    ".gitignore": ".env\n__pycache__/\n*.pyc\n.terraform/\n.stockroom/\n",
    HANDLER: "def handler(event, context):\n    return '$Id$ $Format:%H$'\n",
    "functions/shop/fields.py": "FIELDS = ()\n",
    MODULE: 'resource "aws_sqs_queue" "this" {}\n',
    "terraform/stacks/shop/main.tf": 'module "queue" { source = "../../modules/queue" }\n',
    "terraform/environments/dev/environment.tfvars": 'account_id = "111111111111"\n',
    "requirements.txt": "",
    "README.md": "Shop\n",
}


@dataclass(frozen=True)
class Clone:
    """A clone at its first commit, whose digest is `digest`."""

    root: Path

    def git(self, *words: str, stdin: bytes | None = None) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, check=False, input=stdin)
        assert done.returncode == 0, f"git {words}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def commit(self) -> str:
        self.git("add", "--all")
        author = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
        self.git(*author, "commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def check_out(self, folder: Path) -> Code:
        commit = git.head(self.root)
        assert commit
        return checked_out(commit, folder, self.root)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    monkeypatch.setenv("HOME", str(tmp_path))  # with no configuration of git
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    made = Clone(tmp_path / "clone")
    for name, content in FILES.items():
        made.write(name, content)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit()
    return made


def digest(code: Code) -> str:
    return release_digest(release_files(code), ())


def bundle(code: Code) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in bundle_files(code, FUNCTION, None).items()}


def dotenv(clone: Clone) -> None:
    clone.write(f"{FUNCTION}/.env", "DB_PASSWORD=hunter2\n")


def dotenv_that_git_knows(clone: Clone) -> None:
    for name in (".env", ".env.local"):
        clone.write(f"{FUNCTION}/{name}", "DB_PASSWORD=hunter2\n")
        clone.git("add", "--force", f"{FUNCTION}/{name}")


def excluded_here(clone: Clone) -> None:
    clone.write(".git/info/exclude", "*.local.py\n")
    clone.write(f"{FUNCTION}/debug.local.py", "print(1)\n")


def excluded_everywhere(clone: Clone) -> None:
    clone.git("config", "core.excludesFile", str(clone.write("../ignore", ".DS_Store\n").resolve()))
    clone.write(f"{FUNCTION}/.DS_Store", "junk")


def excluded_module(clone: Clone) -> None:
    clone.write(".git/info/exclude", "more.tf\n")
    clone.write("terraform/modules/queue/more.tf", 'resource "aws_iam_user" "door" {}\n')


def ignored_by_itself(clone: Clone) -> None:
    clone.write(f"{FUNCTION}/hidden/.gitignore", "*\n")
    clone.write(f"{FUNCTION}/hidden/more.py", "print(1)\n")


def untracked_is_not_shown(clone: Clone) -> None:
    clone.git("config", "status.showUntrackedFiles", "no")
    clone.write(f"{FUNCTION}/extra.py", "x = 1\n")


def assumed_unchanged(clone: Clone) -> None:
    clone.git("update-index", "--assume-unchanged", HANDLER)
    clone.write(HANDLER, "def handler(event, context): return 'other'\n")


def skipped_in_the_work_tree(clone: Clone) -> None:
    clone.git("update-index", "--skip-worktree", MODULE)
    clone.write(MODULE, "# other\n")


def an_old_look_of_the_same_size_and_time(clone: Clone) -> None:
    path = clone.root / HANDLER
    before = path.stat()
    clone.write(HANDLER, path.read_text().replace("handler", "HANDLER"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    clone.git("config", "core.trustctime", "false")


def watched_by_a_monitor_that_lies(clone: Clone) -> None:
    monitor = clone.write("../monitor", "#!/bin/sh\nprintf 'token\\0'\n").resolve()
    monitor.chmod(0o755)
    clone.git("config", "core.fsmonitor", str(monitor))
    clone.git("status")
    clone.write(HANDLER, "def handler(event, context): return 'other'\n")


def staged(clone: Clone) -> None:
    clone.write(f"{FUNCTION}/staged.py", "x = 1\n")
    clone.git("add", f"{FUNCTION}/staged.py")


def meant_to_be_added(clone: Clone) -> None:
    clone.write(f"{FUNCTION}/meant.py", "x = 1\n")
    clone.git("add", "--intent-to-add", f"{FUNCTION}/meant.py")


def deleted(clone: Clone) -> None:
    (clone.root / HANDLER).unlink()


def another_repository_inside(clone: Clone) -> None:
    clone.write(f"{FUNCTION}/vendored/more.py", "x = 1\n")
    subprocess.run(["git", "init", "--quiet", f"{FUNCTION}/vendored"], cwd=clone.root, check=True)


def exported_without(clone: Clone) -> None:
    clone.write(".git/info/attributes", f"{MODULE} export-ignore\n")


def exported_with_values(clone: Clone) -> None:
    clone.write(".git/info/attributes", f"{HANDLER} export-subst\n")


def turned_by_a_filter(clone: Clone) -> None:
    clone.write(".git/info/attributes", "*.py filter=evil\n")
    clone.git("config", "filter.evil.smudge", "sed s/handler/EVIL/")
    clone.git("config", "filter.evil.clean", "sed s/EVIL/handler/")
    (clone.root / HANDLER).unlink()
    clone.git("checkout", "--", HANDLER)


def with_other_line_ends(clone: Clone) -> None:
    clone.git("config", "core.autocrlf", "true")
    (clone.root / HANDLER).unlink()
    clone.git("checkout", "--", HANDLER)


def with_its_id_put_in(clone: Clone) -> None:
    clone.write(".git/info/attributes", "*.py ident\n")
    (clone.root / HANDLER).unlink()
    clone.git("checkout", "--", HANDLER)


def in_another_encoding(clone: Clone) -> None:
    clone.git(
        "config",
        "core.attributesFile",
        str(clone.write("../attributes", "*.py working-tree-encoding=UTF-16\n").resolve()),
    )
    (clone.root / HANDLER).unlink()
    clone.git("checkout", "--", HANDLER)


def replaced_commit(clone: Clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    clone.write(MODULE, "# evil\n")
    evil = clone.commit()
    clone.git("reset", "--quiet", "--hard", first)
    clone.git("replace", first, evil)
    clone.git("checkout", "--quiet", "--", ".")


def replaced_file(clone: Clone) -> None:
    blob = clone.git("hash-object", "-w", "--stdin", stdin=b"def handler(e, c): return 'evil'\n")
    clone.git("replace", clone.git("rev-parse", f"HEAD:{HANDLER}"), blob)
    (clone.root / HANDLER).unlink()
    clone.git("checkout", "--", HANDLER)


def replaced_tree(clone: Clone) -> None:
    blob = clone.git("hash-object", "-w", "--stdin", stdin=b"# evil\n")
    tree = clone.git("mktree", stdin=f"100644 blob {blob}\tmain.tf\n".encode())
    clone.git("replace", clone.git("rev-parse", "HEAD:terraform/modules/queue"), tree)


def written_by_the_interpreter_and_terraform(clone: Clone) -> None:
    clone.write(f"{FUNCTION}/__pycache__/greet.cpython-313.pyc", b"x")
    clone.write("terraform/stacks/shop/.terraform/modules/modules.json", "{}")


HIDDEN: list[Callable[[Clone], None]] = [
    dotenv, dotenv_that_git_knows, excluded_here, excluded_everywhere, excluded_module, ignored_by_itself,
    untracked_is_not_shown,
    assumed_unchanged, skipped_in_the_work_tree, an_old_look_of_the_same_size_and_time, watched_by_a_monitor_that_lies,
    staged, meant_to_be_added, deleted, another_repository_inside, exported_without, exported_with_values,
    turned_by_a_filter, with_other_line_ends, with_its_id_put_in, in_another_encoding, replaced_commit, replaced_file,
    replaced_tree, written_by_the_interpreter_and_terraform,
]  # fmt: skip


@pytest.mark.parametrize("hide", HIDDEN, ids=[hide.__name__ for hide in HIDDEN])
def test_what_is_built_is_the_commit_or_is_known_not_to_be(
    clone: Clone, tmp_path: Path, hide: Callable[[Clone], None]
) -> None:
    before = clone.check_out(tmp_path / "before")
    assert digest(before) == digest(work_tree(clone.root))
    hide(clone)
    after = clone.check_out(tmp_path / "after")
    assert (digest(after), bundle(after)) == (digest(before), bundle(before))
    tree = work_tree(clone.root)
    same = (digest(tree), bundle(tree)) == (digest(before), bundle(before))
    assert same or git.changed_files(clone.root)
    assert b"hunter2" not in b"".join(bundle(tree).values())
    tested = clean_code(tmp_path / "tested", clone.root)
    assert digest(tested) == digest(tree)
    assert digest(tested) == digest(before) or read_release((), tested).dirty


NOT_IN_THE_COMMIT = [
    excluded_here,
    excluded_everywhere,
    excluded_module,
    untracked_is_not_shown,
    staged,
    meant_to_be_added,
]


@pytest.mark.parametrize("hide", NOT_IN_THE_COMMIT, ids=[hide.__name__ for hide in NOT_IN_THE_COMMIT])
def test_only_the_commits_own_gitignore_hides_a_file_from_the_gate(clone: Clone, hide: Callable[[Clone], None]) -> None:
    assert git.changed_files(clone.root) == []
    hide(clone)
    assert len(git.changed_files(clone.root)) == 1


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE"])
def test_a_hook_of_another_repository_changes_nothing(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = digest(clone.check_out(tmp_path / "before"))
    subprocess.run(["git", "init", "--quiet", tmp_path / "other"], check=True)
    monkeypatch.setenv(name, str(tmp_path / "other" / {"GIT_DIR": ".git", "GIT_WORK_TREE": ""}.get(name, ".git/x")))
    assert digest(clone.check_out(tmp_path / "after")) == digest(work_tree(clone.root)) == before
    assert git.changed_files(clone.root) == []


def test_an_untracked_file_is_tried_out_here_and_said_to_be_no_commit(clone: Clone, tmp_path: Path) -> None:
    clone.write(f"{FUNCTION}/new.py", "x = 1\n")
    code = clean_code(tmp_path / "tested", clone.root)
    assert code.changed == (f"{FUNCTION}/new.py",)
    assert "new.py" in bundle(code)
    release = read_release((), code)
    assert (release.commit, release.dirty) == (git.head(clone.root), True)


def test_a_clean_work_tree_is_tested_from_a_check_out(clone: Clone, tmp_path: Path) -> None:
    code = clean_code(tmp_path / "tested", clone.root)
    clone.write(HANDLER, "def handler(event, context): return 'meanwhile'\n")
    assert b"meanwhile" not in bundle(code)["greet.py"]
    release = read_release((), code)
    assert (release.commit, release.dirty) == (git.head(clone.root), False)


def test_without_git_it_is_what_the_ignore_file_leaves(clone: Clone, tmp_path: Path) -> None:
    before = digest(clone.check_out(tmp_path / "before"))
    (clone.root / ".git").rename(tmp_path / "gone")
    dotenv(clone)
    written_by_the_interpreter_and_terraform(clone)
    code = work_tree(clone.root)
    assert digest(code) == before
    release = read_release((), code)
    assert (release.commit, release.dirty) == (None, False)


def test_in_a_repository_that_ignores_it_it_is_as_without_git(clone: Clone, tmp_path: Path) -> None:
    before = digest(clone.check_out(tmp_path / "before"))
    (clone.root / ".git").rename(tmp_path / "gone")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("*\n")
    assert digest(work_tree(clone.root)) == before
    assert git.head(clone.root) is None


def link(clone: Clone) -> None:
    (clone.root / FUNCTION / "passwords").symlink_to("/etc/passwd")


def link_in_place_of_a_file(clone: Clone) -> None:
    (clone.root / HANDLER).rename(clone.root / "elsewhere.py")
    (clone.root / HANDLER).symlink_to("../../../elsewhere.py")


def link_to_a_folder(clone: Clone) -> None:
    (clone.root / "terraform" / "modules" / "more").symlink_to("/etc")


def large_file_elsewhere(clone: Clone) -> None:
    oid = "a" * 64
    clone.write(f"{FUNCTION}/model.bin", f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 1\n")


@pytest.mark.parametrize("put", [link, link_in_place_of_a_file, link_to_a_folder, large_file_elsewhere])
def test_a_release_is_made_of_plain_files(clone: Clone, tmp_path: Path, put: Callable[[Clone], None]) -> None:
    put(clone)
    words = "is a pointer of Git LFS" if put is large_file_elsewhere else "is a symbolic link"
    with pytest.raises(StockroomError, match=words):
        work_tree(clone.root)
    clone.commit()
    with pytest.raises(StockroomError, match=words):
        clone.check_out(tmp_path / "after")


def test_a_large_file_outside_of_the_release_may_be_there_or_not(clone: Clone) -> None:
    content = b"x" * 1000
    oid = subprocess.run(["sha256sum"], input=content, capture_output=True, check=True).stdout.split()[0].decode()
    path = clone.write("data.csv", f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 1000\n")
    clone.commit()
    path.write_bytes(content)
    assert git.changed_files(clone.root) == []
    path.write_bytes(content + b"x")
    assert git.changed_files(clone.root) == ["data.csv"]


def test_a_submodule_is_no_part_of_a_release(clone: Clone, tmp_path: Path) -> None:
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},{FUNCTION}/sub")
    clone.git("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "sub")
    assert set(bundle(clone.check_out(tmp_path / "after"))) == {"greet.py", "fields.py"}


def test_files_are_written_with_the_modes_of_the_commit(clone: Clone, tmp_path: Path) -> None:
    clone.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (clone.root / "link").symlink_to("run.sh")
    code_root = clone.check_out(tmp_path / clone.commit()).root
    assert (code_root / "run.sh").stat().st_mode & 0o111
    assert not (code_root / HANDLER).stat().st_mode & 0o111
    assert (code_root / "link").readlink() == Path("run.sh")


def crafted(clone: Clone, name: bytes) -> str:
    """A commit with a file of a name that git itself would not put into one."""
    blob = bytes.fromhex(clone.git("hash-object", "-w", "--stdin", stdin=b"x"))
    inner = clone.git(
        "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=b"100644 " + name + b"\0" + blob
    )
    words = ("-c", "user.name=t", "-c", "user.email=t@localhost", "commit-tree", inner, "-m", "crafted")
    return clone.git(*words)


@pytest.mark.parametrize(
    "name", [b"../outside", b".git/hooks/pre-push", b"/outside", b"a/../../outside", b".GIT/config"]
)
def test_no_name_in_a_commit_leads_out_of_its_folder(clone: Clone, tmp_path: Path, name: bytes) -> None:
    with pytest.raises(StockroomError):
        git.check_out(crafted(clone, name), tmp_path / "deep" / "after", clone.root)
    assert not list(tmp_path.rglob("outside"))
    assert list((tmp_path / "deep").rglob("*")) in ([], [tmp_path / "deep" / "after"])


NOT_COMMITS = (
    "--output={victim}", "--all", "-", "HEAD", "main", "", "../../../etc", "/etc", "0" * 39, "0" * 41, "A" * 40,
    "0" * 40 + "\n", "HEAD^{commit}", ":/a change", "0000000", "stash@{0}",
)  # fmt: skip


@pytest.mark.parametrize("commit", NOT_COMMITS)
def test_only_the_whole_id_of_a_commit_is_checked_out(clone: Clone, tmp_path: Path, commit: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    with pytest.raises(StockroomError, match="is not the id of a commit"):
        git.check_out(commit.format(victim=victim) if "victim" in commit else commit, tmp_path / "a" / "b", clone.root)
    assert victim.read_text() == "precious"
    assert not (tmp_path / "a").exists()


def test_a_commit_that_is_not_here(clone: Clone, tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match="git does not know commit aaaaaaaaaaaa"):
        git.check_out("a" * 40, tmp_path / "a", clone.root)


def test_a_parent_that_is_made_up_is_no_ancestor(clone: Clone, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", "--bare", clone.root, tmp_path / "origin.git"], check=True)
    clone.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    pushed = clone.git("rev-parse", "HEAD")
    clone.write(MODULE, "# not pushed\n")
    here = clone.commit()
    assert git.why_not_pushed(pushed, "main", clone.root) is None
    clone.write(".git/info/grafts", f"{pushed} {here}\n")
    assert "is not on branch 'main'" in str(git.why_not_pushed(here, "main", clone.root))
