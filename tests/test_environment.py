"""What results say of the program that measured them."""

import os
import subprocess

import pytest

from urfb_tf import environment


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit, in which the package seems to stand."""
    (tmp_path / "urfb_tf").mkdir()
    (tmp_path / "urfb_tf" / "environment.py").write_text("")
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "urfb_tf" / "environment.py"))
    names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, env={**os.environ, **names}, check=True)
    return tmp_path


def test_a_checkout_says_its_commit_and_whether_it_was_changed(checkout):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    assert environment.commit() == head.stdout.strip()
    (checkout / "urfb_tf" / "environment.py").write_text("changed")
    assert environment.commit() == head.stdout.strip() + "+changes"


def test_a_table_shows_ten_digits_of_a_commit_and_whether_it_was_changed():
    shown = {commit: environment.short_commit(commit) for commit in ("a" * 40, "a" * 40 + "+changes", "release")}
    assert list(shown.values()) == ["a" * 10, "a" * 10 + "+changes", "release"]


def test_a_checkout_that_git_does_not_read_is_no_release(checkout, monkeypatch):
    with monkeypatch.context() as without_git:
        without_git.setenv("PATH", str(checkout))
        assert environment.commit() == environment.UNKNOWN
    (checkout / ".git" / "HEAD").unlink()
    assert environment.commit() == environment.UNKNOWN


def test_outside_a_checkout_it_is_a_release(checkout, monkeypatch):
    (checkout / ".git").rename(checkout / "git")
    assert environment.commit() == "release"
