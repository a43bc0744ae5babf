"""The lines of Gunicorn itself, which quote addresses and headers that it refuses: in the form of all our lines."""

from typing import Any

from gunicorn.glogging import Logger

from lorapipe.log_lines import MaskingFormatter


class MaskingLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own logger, with secrets masked."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(MaskingFormatter(self.error_fmt, self.datefmt))
