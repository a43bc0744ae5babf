from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "exports"
    background_kinds = ("exports.import_kinds", "exports.running.kinds", "exports.pushing.kinds")

    def ready(self) -> None:
        # Models exist only when the apps are ready.
        from conversations.models.deleting import before_deleting  # noqa: PLC0415
        from exports.running.forgetting import forget_conversations  # noqa: PLC0415

        before_deleting(forget_conversations)
