"""The form of our log lines: without the tokens of sign-in links, which an address carries and a log must not."""

import logging
import re

SIGN_IN_LINK = re.compile(r"(/sign-in/)[^/\s?#\"'<>]+")


class MaskingFormatter(logging.Formatter):
    """Replaces the token wherever it stands: in the message, in its arguments, in a traceback.

    Django logs the address of each request that it refuses, for example for want of a cookie, and its link still works.
    """

    def format(self, record: logging.LogRecord) -> str:
        return SIGN_IN_LINK.sub(r"\1…", super().format(record))
