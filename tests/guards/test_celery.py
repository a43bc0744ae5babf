"""What Celery is used for, and what it is not (docs/execution.md decision 2 and section 7), read from the sources."""

import ast
from collections.abc import Iterator

import pytest
from django.conf import settings

from lorapipe.celery import app
from lorapipe.queues import Queue
from tests.guards.sources import Source, dotted, source, sources

TASK_DECORATORS = ("shared_task", "task")
SENDERS = ("delay", "apply_async", "send_task", "signature", "s", "si")
# Each has been measured to run twice, to lose work, or to wait for a result that nobody keeps.
FORBIDDEN_ARGUMENTS = (
    *("eta", "countdown", "expires", "link", "link_error", "chord", "group_id", "retry_policy"),
    *(
        "autoretry_for",
        "retry_backoff",
        "max_retries",
        "default_retry_delay",
        "time_limit",
        "soft_time_limit",
    ),
)
FORBIDDEN_NAMES = ("chord", "group", "chain", "chunks", "AsyncResult", "GroupResult")
FORBIDDEN_SETTINGS = ("task_acks_late", "task_reject_on_worker_lost", "result_backend", "beat_schedule")


def problems(checked: Source) -> list[str]:
    found = [*bad_imports(checked.tree), *bad_calls(checked.tree), *bad_tasks(checked.tree)]
    return [f"{checked.module}:{line}: {why}" for line, why in found]


def bad_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "celery":
            for alias in node.names:
                if alias.name in FORBIDDEN_NAMES or (node.module or "").startswith(
                    ("celery.canvas", "celery.result")
                ):
                    yield node.lineno, f"{alias.name} of Celery is not used here"
        elif (
            isinstance(node, ast.Attribute)
            and node.attr in FORBIDDEN_NAMES
            and dotted(node).startswith("celery.")
        ):
            yield node.lineno, f"{dotted(node)} is not used here"


def bad_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = node.func.attr
        if name == "retry" and dotted(node.func.value) in ("self", "task", "current_task"):
            yield node.lineno, "self.retry: the row says when it is due (run_after)"
        if name in SENDERS:
            yield from bad_sending(node, name)


def bad_sending(call: ast.Call, name: str) -> Iterator[tuple[int, str]]:
    """A message goes to a named queue, at once, and nobody waits for its result."""
    for keyword in call.keywords:
        if keyword.arg in FORBIDDEN_ARGUMENTS:
            yield call.lineno, f"{name}({keyword.arg}=...)"
        if keyword.arg == "queue" and not names_a_queue(keyword.value):
            yield call.lineno, f"{name}: the queue is one of lorapipe.queues.Queue"
        if keyword.arg is None and name in ("apply_async", "send_task"):
            yield call.lineno, f"{name}(**...) hides what it sends"
    if name == "send_task" and "queue" not in {keyword.arg for keyword in call.keywords}:
        yield call.lineno, "send_task names its queue"


def bad_tasks(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                yield from bad_task(node, decorator)


def bad_task(task: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr) -> Iterator[tuple[int, str]]:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    if dotted(function).rpartition(".")[2] not in TASK_DECORATORS:
        return
    keywords = (
        {each.arg: each.value for each in decorator.keywords} if isinstance(decorator, ast.Call) else {}
    )
    queue = keywords.get("queue", ast.Constant(None))
    if not (dotted(queue).startswith("Queue.") and names_a_queue(queue)):
        yield task.lineno, f"the task {task.name} names a queue of lorapipe.queues.Queue"
    for name in (*FORBIDDEN_ARGUMENTS, "bind", "rate_limit"):
        if name in keywords:
            yield task.lineno, f"the task {task.name} has {name}"
    if not is_false(keywords.get("acks_late", ast.Constant(False))):
        yield task.lineno, f"the task {task.name} acknowledges late"
    if is_false(keywords.get("ignore_result", ast.Constant(True))):
        yield task.lineno, f"the task {task.name} keeps its result"


def names_a_queue(node: ast.expr) -> bool:
    """`Queue.GENERATION`, its `.value`, or a variable (annotated as Queue, which mypy checks); no bare text."""
    if isinstance(node, ast.Attribute) and dotted(node).startswith("Queue."):
        return dotted(node).split(".")[1] in Queue.__members__
    return isinstance(node, ast.Name | ast.Attribute)


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


# --- the sources, the settings, the running app ------------------------------------------------------------


def test_the_sources_keep_to_it() -> None:
    found = [problem for each in sources() for problem in problems(each)]
    assert not found, "\n".join(found)


def test_the_settings_keep_to_it() -> None:
    conf = app.conf
    assert [name for name in FORBIDDEN_SETTINGS if conf.get(name)] == []
    assert conf.task_ignore_result is True
    assert conf.task_acks_late is False
    assert conf.worker_prefetch_multiplier == 1
    assert conf.worker_disable_prefetch is True
    assert list(conf.accept_content) == ["json"]
    assert conf.task_serializer == "json"
    assert 0 < conf.worker_eta_task_limit <= 10
    assert conf.task_default_queue in set(Queue)
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert options["health_check_interval"] == 10
    assert options["socket_timeout"] == 2, "who only publishes does not wait long; a worker waits 30 s"
    assert options["global_keyprefix"]


def test_every_task_of_the_app_has_a_named_queue() -> None:
    app.loader.import_default_modules()
    ours = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert ours
    for task in ours:
        assert getattr(task, "queue", None) in set(Queue), task.name
        assert task.acks_late is False, task.name
        assert getattr(task, "autoretry_for", ()) == (), task.name


# --- the guard itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "@shared_task\ndef t(): ...",
        "@shared_task()\ndef t(): ...",
        "@shared_task(queue='generation')\ndef t(): ...",
        "@shared_task(queue=FAST)\ndef t(): ...",
        "@shared_task(queue=Queue.NOWHERE)\ndef t(): ...",
        "@app.task(name='x')\ndef t(): ...",
        "@shared_task(queue=Queue.GENERATION, acks_late=True)\ndef t(): ...",
        "@shared_task(queue=Queue.GENERATION, acks_late=LATE)\ndef t(): ...",
        "@shared_task(queue=Queue.GENERATION, autoretry_for=(OSError,))\ndef t(): ...",
        "@shared_task(queue=Queue.GENERATION, bind=True)\ndef t(self): ...",
        "@shared_task(queue=Queue.GENERATION, ignore_result=False)\ndef t(): ...",
        "@shared_task(queue=Queue.GENERATION, time_limit=5)\ndef t(): ...",
        "def t(self):\n    raise self.retry(countdown=5)",
        "t.apply_async(args, countdown=60)",
        "t.apply_async(args, eta=soon)",
        "t.apply_async(args, expires=5)",
        "t.apply_async(args, **options)",
        "t.apply_async(args, queue='fast')",
        "t.delay(1, link=other)",
        "app.send_task('x', countdown=1, queue=Queue.GENERATION)",
        "app.send_task('x')",
        "from celery import chord",
        "from celery import group, shared_task",
        "from celery.canvas import chain",
        "from celery.result import AsyncResult",
        "import celery\ncelery.chain(a, b)",
    ],
)
def test_the_guard_sees_what_is_forbidden(text: str) -> None:
    assert problems(source("batches.tasks", text))


@pytest.mark.parametrize(
    "text",
    [
        "@shared_task(name='x', queue=Queue.GENERATION, acks_late=False)\ndef t(): ...",
        "app.send_task('x', args=[1], queue=Queue.INTERACTIVE, retry=False)",
        "app.send_task('x', args=[1], queue=queue.value, retry=False, ignore_result=True)",
        "def plain(self):\n    return self.chain",
    ],
)
def test_the_guard_lets_pass_what_is_allowed(text: str) -> None:
    assert not problems(source("batches.tasks", text))
