"""`./run generate`: the main job, on a stack that runs already or on one that ends with it."""

import os
import sys

from stack import client, command
from stack.environment import Environment
from terminal import options


def generate(settings: Environment, words: list[str]) -> int:
    """Run the job of the terminal on a living stack, or on one that ends with it. Wrong options start nothing."""
    options.read(words)
    if client.living(settings.data_dir) is None:
        print("Starting the database and the workers (a few seconds) ...", file=sys.stderr)
    with client.join_or_start(settings) as stack:
        os.environ.update(stack.environ())
        return command.run_django(["generate", *words, "--joined"])


def manage(settings: Environment, words: list[str]) -> int:
    """Django's commands; `generate` needs workers too, however it is called."""
    if words[:1] == ["generate"]:
        return generate(settings, words[1:])
    return command.manage(settings, words)
