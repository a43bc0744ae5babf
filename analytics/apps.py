from django.apps import AppConfig

from analytics.rolling import make_rolling
from batches.actions.duties import add_duty


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        add_duty(make_rolling)
