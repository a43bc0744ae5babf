from django.apps import AppConfig

from lorapipe import celery


class LoraPipeConfig(AppConfig):
    name = "lorapipe"
    verbose_name = "LoRAPipe"
    celery_app = celery.app  # importing it makes it the app that `shared_task` publishes through
