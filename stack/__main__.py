"""The commands of a stack: `up`, `manage COMMAND ARGS` and `serve_clients`.

`client.join_or_start` runs `serve_clients`; people run `./run`, which enters by `terminal`.
"""

import os
import sys
from collections.abc import Callable, Mapping

from stack import command, environment, export_storage
from stack.client import StackBusy, StackDiffers, StackFailed
from stack.environment import Environment, WrongEnvironment
from stack.folder import FolderRefused, FolderTaken
from stack.services import DidNotStart

USAGE = "usage: ./run [up] | generate ... | test [pytest arguments] | manage COMMAND ..."
BAD_INPUT = 2
INTERRUPTED = 130
# Each command takes the environment's settings and the arguments after its name, and returns the exit code.
Commands = Mapping[str, Callable[[Environment, list[str]], int]]
COMMANDS: Commands = {"up": command.up, "serve_clients": command.serve_clients, "manage": command.manage}
WITHOUT_ARGUMENTS = ("up", "serve_clients")


def main(words: list[str], commands: Commands = COMMANDS) -> int:
    """Returns the exit code: 2 when the caller has to change something, 1 when something did not start."""
    try:
        return _dispatch(words, commands)
    except WrongEnvironment as error:
        return _fail("\n".join(["These variables cannot be used:", *error.problems]), BAD_INPUT)
    except (StackDiffers, StackBusy, FolderRefused, FolderTaken) as error:
        return _fail(str(error), BAD_INPUT)
    except (StackFailed, DidNotStart) as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return _fail("Stopped.", INTERRUPTED)


def _dispatch(words: list[str], commands: Commands) -> int:
    name, rest = (words or [""])[0], words[1:]
    if name not in commands or (rest and name in WITHOUT_ARGUMENTS):
        return _fail(USAGE, BAD_INPUT)
    settings = environment.read(os.environ)
    export_storage.refuse_unusable(settings)
    return commands[name](settings, rest)


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
