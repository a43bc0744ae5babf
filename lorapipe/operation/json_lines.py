"""Log lines in JSON, for programs that collect logs: LORAPIPE_LOG_FORMAT=json."""

import json
import logging
from datetime import UTC, datetime

from lorapipe.log_lines import find_request_id, mask_secrets


class JsonFormatter(logging.Formatter):
    """One line of JSON for an event, with the id of the request in which it happened, masked as the lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": str(record.process),
            "thread": record.threadName or "",
        }
        if request_id := find_request_id(record):
            told["requestId"] = request_id
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        # Masked before it is escaped: in JSON a quotation mark is two characters.
        return json.dumps({name: mask_secrets(value) for name, value in told.items()})
