from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"
    background_kinds = ("conversations.jobs.kinds",)
