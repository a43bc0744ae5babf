"""Send a folder to a dataset repository of the Hub of Hugging Face, and say in plain words why it was not taken.

`python -m exports.pushing.hub` is the process that sends (`exports.pushing.sending` starts it). It reads one line of JSON, the
arguments of `push`, from its standard input, and writes one line of JSON. It ends when its standard input is closed, so that
nothing is pushed after its worker has died. Pure: no Django. huggingface_hub is an optional package, see requirements-hub.lock.
"""

import importlib
import importlib.util
import json
import os
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ADDRESS = "https://huggingface.co"
INSTALL = (
    "A push to the Hub needs the package huggingface_hub. "
    "Install it with: .venv/bin/pip install -r requirements-hub.lock"
)
LONGEST_REPOSITORY = 200  # characters, as people write it
LONGEST_PART = 96  # of the account and of the name: the Hub's own limit
LONGEST_SAID = 300  # of what the Hub says itself
DATASET = "dataset"
PART = re.compile(r"\w(?:[\w.-]*\w)?", re.ASCII)  # of an account or a name, as the Hub takes it
REFUSED = re.compile(r"--|\.\.|\.git\Z")
IN_FRONT = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/|hf://", re.IGNORECASE)


def is_available() -> bool:
    return importlib.util.find_spec("huggingface_hub") is not None


def read_repository(text: str) -> str:
    """`name` or `organisation/name`, also from the address of a dataset. Raises ValueError, whose text says what to change."""
    if len(text) > LONGEST_REPOSITORY:
        raise ValueError(f"It has at most {LONGEST_REPOSITORY} characters.")
    given = IN_FRONT.sub("", text.strip(), count=1).removeprefix("datasets/").strip("/")
    parts = given.split("/")
    if len(parts) > 2 or not all(parts):
        raise ValueError("Write it as name, or as organisation/name.")
    for part in parts:
        if len(part) > LONGEST_PART:
            raise ValueError(f"Each part of it has at most {LONGEST_PART} characters.")
        if not PART.fullmatch(part) or REFUSED.search(part):
            raise ValueError(
                "The Hub takes English letters, digits, “-”, “_” and “.” alone. A name neither begins nor ends with “-” or “.”, "
                "has no “--” or “..”, and does not end with “.git”."
            )
    return given


# --- the process that sends ------------------------------------------------------------------------------


def push(
    *, endpoint: str, token: str, repository: str, private: bool, message: str, folder: str
) -> dict[str, Any]:
    """Make the repository where there is none, and commit all files of the folder at once.

    What the repository has with the same bytes is not sent again. Returns repository, private, url, commit and commit_url; or
    `failed`, the word for what went wrong, with `status` (of HTTP, or null), `kind` (of the exception) and `said`: see `explain`.
    """
    hub: Any = importlib.import_module("huggingface_hub")
    api = hub.HfApi(endpoint=endpoint, token=token)
    root, making = Path(folder), True
    try:
        made = api.create_repo(repository, repo_type=DATASET, private=private, exist_ok=True).repo_id
        # For one that exists already the Hub does not look at `private`.
        is_private = bool(api.repo_info(made, repo_type=DATASET).private)
        if private and not is_private:
            return {"failed": "public"}
        making = False
        files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        added = [hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=root / name) for name in files]
        commit = api.create_commit(made, added, repo_type=DATASET, commit_message=message)
    except Exception as wrong:  # whatever the package raises
        return describe_failure(wrong, making=making)
    url = f"{endpoint}/datasets/{made}"
    about = {"commit": commit.oid, "commit_url": f"{url}/commit/{commit.oid}"}
    return {"repository": made, "private": is_private, "url": url, **about}


def describe_failure(wrong: Exception, *, making: bool) -> dict[str, Any]:
    """An exception of the package in words that `explain` knows. `making`: nothing but the repository was asked for yet."""
    status: int | None = getattr(getattr(wrong, "response", None), "status_code", None)
    kinds = {each.__name__ for each in type(wrong).__mro__}
    said = getattr(wrong, "server_message", None) or str(wrong)
    word = "other"
    if status == 401:
        word = "token"
    elif status in (402, 403, 404):
        word = "right"
    elif "HFValidationError" in kinds or (making and status in (400, 409, 422)):
        word = "name"
    elif status is not None:
        word = "busy" if status == 429 or status >= 500 else "other"
    elif kinds & {"TransportError", "ConnectionError", "TimeoutError", "gaierror"}:
        word = "lost"
    return {"failed": word, "status": status, "kind": type(wrong).__name__, "said": said}


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(json.dumps(push(**asked)), flush=True)


def _end_with_parent() -> None:
    """Not by `sys.stdin`, whose lock would be held when the process ends."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


# --- what people are told --------------------------------------------------------------------------------


def explain(failure: Mapping[str, Any], *, repository: str, secret: str) -> str:
    """Why a push failed and what to do, as sentences. `secret`, the token, is taken out of what the Hub has said."""
    name, status = repository, failure.get("status")
    said = redact(" ".join(str(failure.get("said") or "").split()), secret)[:LONGEST_SAID]
    sentences = {
        "token": "The Hub refused the token. An owner of the workspace enters another one under Settings, Hub.",
        "right": f"The token may not write to {name} on the Hub. Choose a name of the token's own account, or of an "
        "organisation in which it may write, or enter a token that has the right to write.",
        "name": f"The Hub refused the name {name}: {said}",
        "public": f"{name} exists on the Hub already and is public, and this push is to be private. Nothing was sent. "
        "Choose another name, make that repository private, or tick that it may be public.",
        "busy": f"The Hub is busy or out of order (status {status}). Push again later.",
        "lost": "The Hub cannot be reached, or the connection broke off. Push again when the network is back.",
    }
    fallback = (
        f"The Hub did not take the files ({failure.get('kind') or 'no answer'}): {said or 'it said nothing.'}"
    )
    return sentences.get(str(failure.get("failed")), fallback)


def redact(text: str, secret: str) -> str:
    return text.replace(secret, "…") if secret else text


if __name__ == "__main__":
    main()
