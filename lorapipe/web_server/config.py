"""Gunicorn's settings: `gunicorn -c python:lorapipe.web_server.config lorapipe.wsgi`, in the Procfile and under `./run`.

Read once, by the process that starts the others, before the settings are loaded. Gunicorn takes the names that it knows.
"""

import os

from lorapipe.web_server import log, worker
from stack import environment

ENVIRONMENT = environment.read(os.environ)
environment.refuse_unprotected(ENVIRONMENT)

bind = (
    f"[{ENVIRONMENT.host}]:{ENVIRONMENT.port}"
    if ":" in ENVIRONMENT.host
    else f"{ENVIRONMENT.host}:{ENVIRONMENT.port}"
)
workers = environment.count_web_processes()
threads = environment.WEB_THREADS
worker_class = worker.PageWorker
# Django is loaded once and shared by fork: a replacement answers at once, and two processes take little more than one.
preload_app = True
graceful_timeout = 3  # when everything stops; a process that is replaced takes its time (worker.DRAIN_S)
loglevel = "warning"
logger_class = log.MaskingLogger
control_socket_disable = True
