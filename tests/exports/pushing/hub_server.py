"""The few endpoints of the Hub that a push asks, on this machine: it keeps what is committed."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_rightToken"
ACCOUNT = "me"


@dataclass
class Repository:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0

    @property
    def sha(self) -> str:
        return f"{self.commits:040x}"


@dataclass
class FakeHub:
    """`statuses`: the answer to every request whose path has this in it."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, token: str | None, body: bytes) -> tuple[int, Any]:
        self.asked.append(path)
        if path.endswith("agent-harnesses"):
            return 404, {}
        for part, status in self.statuses.items():
            if part in path:
                return status, {"error": f"no, {token}"}
        if token != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid username or password."}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        found = re.match(r"/api/datasets/(\w+/[\w.-]+)(?:/(\w+).*)?\Z", path)
        if found is None or found[1] not in self.repositories:
            return 404, {"error": "Repository not found"}
        return self._ask(found[1], found[2], body)

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked['organization'] or ACCOUNT}/{asked['name']}"
        about = {"url": f"{self.url}/datasets/{name}"}
        if name in self.repositories:
            return 409, {**about, "error": "You already created this dataset repo"}
        self.repositories[name] = Repository(private=asked.get("visibility") == "private")
        return 200, about

    def _ask(self, name: str, verb: str | None, body: bytes) -> tuple[int, Any]:
        kept = self.repositories[name]
        if verb == "preupload":
            files = [{"path": each["path"]} for each in json.loads(body)["files"]]
            told = {"uploadMode": "regular", "shouldIgnore": False}
            return 200, {"files": [{**each, **told, "oid": self._hash(kept, each["path"])} for each in files]}
        if verb == "commit":
            for line in body.splitlines():
                read = json.loads(line)
                if read["key"] == "file":
                    kept.files[read["value"]["path"]] = base64.b64decode(read["value"]["content"])
            kept.commits += 1
            return 200, {"commitUrl": f"{self.url}/datasets/{name}/commit/{kept.sha}", "commitOid": kept.sha}
        return 200, {"id": name, "private": kept.private, "sha": kept.sha}

    def _hash(self, kept: Repository, path: str) -> str | None:
        content = kept.files.get(path)
        if content is None:
            return None
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def serve_hub() -> Iterator[FakeHub]:
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = hub.answer(self.path.partition("?")[0], self.headers["Authorization"], body)
            sent = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()
