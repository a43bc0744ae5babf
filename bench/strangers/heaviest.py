"""What somebody who sends the heaviest requests that are allowed does to the pages of others: python -m bench.strangers.heaviest [--seconds N].

Starts `./run` in a folder of its own and sends the API, one after the other, what takes it longest: a file of conversations as large as a
body may be, a matrix of 100,000 cells with a thousand exclusions and quotas, and a template of a megabyte of placeholders. A signed-in user
opens pages meanwhile; 95% of them should take less than half a second.
"""

import argparse
import http.client
import json
import threading
from collections import Counter
from contextlib import closing
from itertools import cycle

from bench.strangers.half_open import ask, measure, started
from lib.untrusted.json_bodies import LARGEST_BODY
from templates_app.text.syntax import MOST_TAGS

GOAL_S = 0.5  # 95th percentile
TALK = (
    '{"messages": [{"role": "user", "content": "Can I retire?"}, {"role": "assistant", "content": "Yes."}]}\n'
)


def list_requests(template: str) -> list[tuple[str, bytes]]:
    """(path, body) of each."""
    content = TALK * ((LARGEST_BODY - 1_000) // (len(json.dumps(TALK)) - 2))
    names = ("topic", "tone", "age", "place", "papers")
    axes = [{"name": name, "values": [f"{name} {each}" for each in range(10)]} for name in names]
    cells = [
        {name: f"{name} {number // 10**place % 10}" for place, name in enumerate(names)}
        for number in range(2_000)
    ]
    matrix = {
        "axes": axes,
        "total": 10_000,
        "exclude": cells[:1_000],
        "quotas": [{"values": cell, "count": 1} for cell in cells[1_000:]],
    }
    text = "{{a}} " * MOST_TAGS
    bodies = {
        "/api/imports": {"content": content, "dryRun": True},
        "/api/conversations/batch/estimate": {"templateId": template, "matrix": matrix},
        "/api/templates": {"name": "Heavy", "tier": "template", "text": text[:900_000]},
    }
    return [(path, json.dumps(body).encode()) for path, body in bodies.items()]


def find_template(port: int, headers: dict[str, str]) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as line:
        line.request("GET", "/api/templates", headers=headers)
        return str(json.load(line.getresponse())["templates"][0]["id"])


def send(port: int, token: str, over: threading.Event, answers: Counter[str]) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for path, body in cycle(list_requests(find_template(port, headers))):
        if over.is_set():
            return
        status, _ = ask(port, "POST", path, body, headers)
        answers[f"{path} {status}"] += 1


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    chosen = options.parse_args()
    with started() as (port, headers, token):
        print("alone: ", end="", flush=True)
        measure(port, headers, min(10, chosen.seconds), goal_s=GOAL_S)
        over, answers = threading.Event(), Counter[str]()
        sender = threading.Thread(target=send, args=(port, token, over, answers))
        sender.start()
        print("beside the heaviest requests: ", end="", flush=True)
        try:
            measure(port, headers, chosen.seconds, goal_s=GOAL_S)
        finally:
            over.set()
        sender.join(60)
        print(f"answers: {dict(answers)}")


if __name__ == "__main__":
    main()
