"""Logs as one JSON object a line: what happened, to which model, in which request. Never pictures, never secrets."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

FIELDS = ("model", "version", "request_id", "sequence_id", "seconds", "bytes", "reason", "frames")


class JsonFormatter(logging.Formatter):
    """A record's time, level, logger and text, and what was given as `extra` under one of `FIELDS`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
            **{name: getattr(record, name) for name in FIELDS if hasattr(record, name)},
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
