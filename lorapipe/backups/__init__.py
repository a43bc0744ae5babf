"""Backups: the whole database and the files of exports in one archive, and back. docs/operations.md says how to use them."""


class CannotBackUp(Exception):
    """A backup or a restoration could not be made. The message says why and what to do."""
