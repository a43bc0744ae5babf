"""A Celery worker that an item about "POISON" kills at once: `celery -A tests.support.poisoned_worker worker`."""

import os
import signal
from importlib import import_module
from typing import Any

from celery import signals

from lorapipe.celery import app

__all__ = ["app"]

POISON = "POISON"


@signals.worker_ready.connect
def _poison(**_: object) -> None:
    work: Any = import_module("batches.engine.generate")  # not at the top: the models are loaded only now
    ask = work.ask

    def ask_or_die(call: Any) -> Any:
        if POISON in str(call.request):
            os.kill(os.getpid(), signal.SIGKILL)
        return ask(call)

    work.ask = ask_or_die
