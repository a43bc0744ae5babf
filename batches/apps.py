from django.apps import AppConfig

from provider import billed


class BatchesConfig(AppConfig):
    name = "batches"
    bulk_actions = {"regenerate": "batches.api.regenerate_many.start_regenerations"}

    def ready(self) -> None:
        from batches.reports.billed_calls import was_called_since  # noqa: PLC0415 (models exist only when the apps are ready)

        billed.register_call_log(was_called_since)
