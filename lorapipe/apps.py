from django.apps import AppConfig


class LoraPipeConfig(AppConfig):
    name = "lorapipe"
    verbose_name = "LoRAPipe"
