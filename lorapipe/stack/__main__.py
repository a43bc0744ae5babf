"""What `./run` starts: `up`, `generate ARGS`, `manage COMMAND ARGS`; `hold` is for `client.join_or_start`."""

import os
import sys

from lorapipe import environment
from lorapipe.environment import WrongEnvironment
from lorapipe.stack import command
from lorapipe.stack.client import StackBusy, StackDiffers, StackFailed
from lorapipe.stack.folder import FolderRefused, FolderTaken
from lorapipe.stack.services import DidNotStart

USAGE = "usage: ./run [up] | generate ... | test [pytest arguments] | manage COMMAND ..."
BAD_INPUT = 2
INTERRUPTED = 130


def main(words: list[str]) -> int:
    """The exit code: 2 for what the caller has to change, 1 for what did not start."""
    try:
        return _dispatch(words)
    except WrongEnvironment as error:
        return _fail("\n".join(["These variables cannot be used:", *error.problems]), BAD_INPUT)
    except (StackDiffers, StackBusy, FolderRefused, FolderTaken) as error:
        return _fail(str(error), BAD_INPUT)
    except (StackFailed, DidNotStart) as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return _fail("Stopped.", INTERRUPTED)


def _dispatch(words: list[str]) -> int:
    match words:
        case ["up"]:
            return command.up(environment.read(os.environ))
        case ["hold"]:
            return command.hold(environment.read(os.environ))
        case ["generate", *rest]:
            return command.generate(environment.read(os.environ), rest)
        case ["manage", *rest]:
            return command.manage(environment.read(os.environ), rest)
    return _fail(USAGE, BAD_INPUT)


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
