from django.apps import AppConfig
from django.conf import settings


class LoraPipeConfig(AppConfig):
    name = "lorapipe"
    verbose_name = "LoRAPipe"
    background_kinds = ("lorapipe.deletion.kinds",)

    def ready(self) -> None:
        """Web, workers and dispatcher say here whether row level security holds for them; commands run as the owner, above it."""
        if settings.PROCESS:
            from lorapipe.isolation import enforcement  # noqa: PLC0415 (it knows the models, which are there only now)

            enforcement.check(required=settings.ENVIRONMENT.roles.require_rls)
