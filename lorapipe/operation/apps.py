from django.apps import AppConfig
from django.conf import settings

from lorapipe.operation.slow_statements import Collector, watch_connections


class OperationConfig(AppConfig):
    name = "lorapipe.operation"
    verbose_name = "Operation"

    def ready(self) -> None:
        """The processes that run for long tell which of their statements are slow."""
        threshold_ms = settings.ENVIRONMENT.observing.slow_query_ms
        if settings.PROCESS and threshold_ms:
            watch_connections(Collector(threshold_ms=threshold_ms))
