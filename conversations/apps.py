from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"

    def ready(self) -> None:
        from conversations.jobs.register import register_kinds  # noqa: PLC0415 (models exist only when the apps are ready)

        register_kinds()
