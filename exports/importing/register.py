"""The kinds of background jobs of imports."""

from background.kinds import Kind, register
from exports.importing import running


def register_kinds() -> None:
    """Called once, when the apps are ready."""
    register(Kind(running.IMPORT, "Import of conversations", running.run))
