"""`./run generate`: runs a job on a stack that is running already, or on one that it starts and stops again."""

import os
import sys

from stack import client, command
from stack.environment import Environment
from terminal import options


def generate(settings: Environment, words: list[str]) -> int:
    """Run a job on the running stack, or on one that is started for it. Wrong options start nothing."""
    options.read(words)
    if client.living(settings.data_dir) is None:
        print("Starting the database and the workers (a few seconds) ...", file=sys.stderr)
    with client.join_or_start(settings) as stack:
        os.environ.update(stack.environ())
        return command.run_django(["generate", *words, "--joined"])


def manage(settings: Environment, words: list[str]) -> int:
    """Run a Django command. `generate` goes the same way as `./run generate`, because it needs workers."""
    if words[:1] == ["generate"]:
        return generate(settings, words[1:])
    return command.manage(settings, words)
