"""Where `./run` enters: `up`, `generate ARGS`, `manage COMMAND ARGS`."""

import sys

from stack import __main__ as stack
from terminal import command

COMMANDS: stack.Commands = {**stack.COMMANDS, "generate": command.generate, "manage": command.manage}


def main(words: list[str]) -> int:
    """The exit code, as `stack.__main__.main` tells it."""
    return stack.main(words, COMMANDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
