from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    name = "exports"
    verbose_name = _("Exports")

    def ready(self) -> None:
        import exports.answer_messages
        import exports.checks
        import exports.messages
        import exports.receivers  # noqa: F401 - the checks, the catalogue, and what listens to sources
