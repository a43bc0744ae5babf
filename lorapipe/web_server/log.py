"""The lines of Gunicorn itself, which quote addresses and headers that it refuses: in the form of all our lines."""

import os
from typing import Any

from gunicorn.glogging import Logger

from lorapipe.log_lines import MaskingFormatter
from lorapipe.operation.json_lines import JsonFormatter
from stack import environment


class MaskingLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own logger, with secrets masked."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        in_json = environment.read(os.environ).observing.logs_json
        form = JsonFormatter() if in_json else MaskingFormatter(self.error_fmt, self.datefmt)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(form)
