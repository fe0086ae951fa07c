from django.apps import AppConfig


class LadokflowConfig(AppConfig):
    name = "ladokflow"
    verbose_name = "LadokFlow"
