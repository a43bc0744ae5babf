"""What people usually write: a Celery task for each item, with the SDK's retries and then Celery's. For comparison only.

`send(n)` queues n tasks; `celery -A bench.support.naive worker -P threads -c N` runs them. Each task stores its conversation.
"""

import json
import os
import threading

import anthropic
import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lorapipe.settings")
django.setup()

from django.db import connection  # noqa: E402  Django is set up by now

from bench.support.floor import MODEL, PROMPT  # noqa: E402

app = Celery("naive", broker=os.environ["REDIS_URL"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
_local = threading.local()

TABLE = "CREATE TABLE IF NOT EXISTS naive_conversations (id serial PRIMARY KEY, number int, title text, turns jsonb)"
INSERT = "INSERT INTO naive_conversations (number, title, turns) VALUES (%s, %s, %s)"


@app.task(autoretry_for=(anthropic.APIError,), retry_backoff=True)
def generate(number: int) -> None:
    """Make one conversation, as tutorials do it."""
    if not hasattr(_local, "client"):
        _local.client = anthropic.Anthropic(api_key="demo", base_url=os.environ["LORAPIPE_SIMULATOR_URL"])
    prompt = PROMPT.format(topic=f"question {number}")
    message = _local.client.messages.create(
        model=MODEL, max_tokens=8192, messages=[{"role": "user", "content": prompt}], timeout=300
    )
    text = "".join(block.text for block in message.content if block.type == "text")
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [number, text[:60], json.dumps({"text": text})])


def send(count: int) -> None:
    """Make the table, empty it, and queue `count` tasks."""
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute("TRUNCATE naive_conversations")
    for number in range(count):
        generate.delay(number)


def count_stored() -> tuple[int, int]:
    """The number of rows, and the number of different items among them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT number) FROM naive_conversations")
        rows, distinct = cursor.fetchone()
    return rows, distinct
