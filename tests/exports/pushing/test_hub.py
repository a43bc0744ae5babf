"""What is a repository, what people are told, and a push by the real package to a server on this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exports.pushing import hub
from exports.pushing.sending import CHECKOUT, send
from tests.exports.pushing.hub_server import TOKEN, FakeHub, Repository, serve_hub

real = pytest.mark.skipif(
    not hub.is_available(), reason="not installed: pip install -r requirements-hub.lock"
)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("data", "data"),
        (" me/My_data.v2-x ", "me/My_data.v2-x"),
        ("https://huggingface.co/datasets/me/data/", "me/data"),
        ("huggingface.co/datasets/me/data", "me/data"),
        ("https://hf.co/datasets/me/data", "me/data"),
        ("hf://datasets/me/data", "me/data"),
        ("datasets/me/data", "me/data"),
        ("a" * 96, "a" * 96),
    ],
)
def test_a_repository_is_read(text: str, meant: str) -> None:
    assert hub.read_repository(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "/", "a/b/c", "a//b", "-a", "a.", "a--b", "a..b", "a b", "a.git", "../a", "me/a\nb", "é"),
        *("a" * 97, "a/" + "b" * 97, "a" * 100_000, "https://evil.example/datasets/me/data", "a?b", "a%2Fb"),
    ],
)
def test_what_the_hub_would_refuse_is_refused_before(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        hub.read_repository(text)


class Refused(Exception):
    """As huggingface_hub raises it."""

    def __init__(self, status: int, said: str = "") -> None:
        self.response, self.server_message = type("Response", (), {"status_code": status})(), said
        super().__init__("a long text")


class ConnectError(ConnectionError):
    pass


@pytest.mark.parametrize(
    ("wrong", "making", "told"),
    [
        (Refused(401), True, "refused the token"),
        (Refused(403), True, "may not write to me/data"),
        (Refused(404), False, "may not write to me/data"),
        (Refused(400, "bad name"), True, "refused the name me/data: bad name"),
        (Refused(400, "bad file"), False, r"did not take the files \(Refused\): bad file"),
        (Refused(429), False, r"busy or out of order \(status 429\)"),
        (Refused(503), True, r"busy or out of order \(status 503\)"),
        (ConnectError(), True, "cannot be reached"),
        (ValueError("odd"), False, r"did not take the files \(ValueError\): odd"),
        (ValueError(), False, "it said nothing"),
    ],
)
def test_each_failure_is_told_in_plain_words(wrong: Exception, making: bool, told: str) -> None:
    failure = json.loads(json.dumps(hub.describe_failure(wrong, making=making)))
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(hub.explain(failure, repository="me/data", secret=TOKEN))


def test_the_token_is_taken_out_of_what_the_hub_says() -> None:
    failure = {"failed": "other", "kind": "E", "said": f"Bearer {TOKEN}\n is wrong. " + "x" * 10_000}
    told = hub.explain(failure, repository="me/data", secret=TOKEN)
    assert TOKEN not in told
    assert "Bearer … is wrong." in told
    assert len(told) < 500


def test_the_process_ends_when_its_worker_has_died() -> None:
    code = "from exports.pushing import hub; hub._end_with_parent()"
    ended = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, input=b"", check=False)
    assert ended.returncode == 1


# --- by the real package ----------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve_hub() as hub_server:
        yield hub_server


def push(server: FakeHub, tmp_path: Path, **asked: Any) -> dict[str, Any]:
    folder, scratch = tmp_path / "files", tmp_path / "scratch"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("---\npretty_name: Mine\n---\n\n# Mine\n")
    (folder / "data/train.jsonl").write_text('{"messages": []}\n')
    scratch.mkdir(exist_ok=True)
    whole: Any = {
        "endpoint": server.url,
        "folder": str(folder),
        "token": TOKEN,
        "repository": "me/data",
        "private": True,
        "message": "Add",
        **asked,
    }
    return send(whole, scratch=scratch, look=lambda: None)


@real
def test_a_folder_is_committed_once(server: FakeHub, tmp_path: Path) -> None:
    said = push(server, tmp_path, repository="data")
    kept = server.repositories["me/data"]
    assert (kept.private, kept.commits) == (True, 1)
    assert set(kept.files) == {"README.md", "data/train.jsonl"}
    assert kept.files["data/train.jsonl"] == b'{"messages": []}\n'
    url = f"{server.url}/datasets/me/data"
    assert said == {
        "repository": "me/data",
        "private": True,
        "url": url,
        "commit": kept.sha,
        "commit_url": f"{url}/commit/{kept.sha}",
    }
    assert push(server, tmp_path) == said
    assert kept.commits == 1, "the same files make no second commit"


@real
def test_nothing_is_sent_to_a_public_repository_unless_it_may_be(server: FakeHub, tmp_path: Path) -> None:
    server.repositories["me/data"] = Repository(private=False)
    assert push(server, tmp_path) == {"failed": "public"}
    assert server.repositories["me/data"].files == {}
    assert push(server, tmp_path, private=False)["private"] is False
    assert push(server, tmp_path, repository="me/other", private=False)["private"] is False


@real
@pytest.mark.parametrize(
    ("part", "status", "word"),
    [
        *(("create", 403, "right"), ("create", 400, "name"), ("create", 500, "busy")),
        *(("commit", 403, "right"), ("commit", 413, "other")),
    ],
)
def test_refusals_of_the_hub(server: FakeHub, tmp_path: Path, part: str, status: int, word: str) -> None:
    server.statuses = {part: status}
    assert push(server, tmp_path)["failed"] == word


@real
def test_a_wrong_token_and_a_lost_network(server: FakeHub, tmp_path: Path) -> None:
    assert push(server, tmp_path, token="hf_wrong")["failed"] == "token"
    with serve_hub() as gone:
        pass
    assert push(gone, tmp_path)["failed"] == "lost"
