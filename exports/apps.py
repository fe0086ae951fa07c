from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    name = "exports"
    verbose_name = _("Exports")

    def ready(self) -> None:
        import exports.asking
        import exports.attempts.place
        import exports.attempts.release
        import exports.messages
        import exports.operation.checks
        import exports.operation.tallies
        import exports.receivers  # noqa: F401 - the checks, the catalogue, what a flow asks and what is told of it, what listens to sources, and what is counted
