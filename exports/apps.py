from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "exports"

    def ready(self) -> None:
        from exports.importing.register import register_kinds  # noqa: PLC0415 (models exist only when the apps are ready)

        register_kinds()
