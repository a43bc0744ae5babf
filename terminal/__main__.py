"""The commands of `./run`: `up`, `generate ARGS`, `manage COMMAND ARGS`."""

import sys

from stack import __main__ as stack
from terminal import command

COMMANDS: stack.Commands = {**stack.COMMANDS, "generate": command.generate, "manage": command.manage}


def main(words: list[str]) -> int:
    """Run a command and return its exit code, like `stack.__main__.main`."""
    return stack.main(words, COMMANDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
