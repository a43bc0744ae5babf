from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "exports"

    def ready(self) -> None:
        # Models exist only when the apps are ready.
        from exports.import_kinds import register_kinds as register_imports  # noqa: PLC0415
        from exports.running.kinds import register_kinds  # noqa: PLC0415

        register_imports()
        register_kinds()
