from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SourcesConfig(AppConfig):
    name = "sources"
    verbose_name = _("Sources and flows")

    def ready(self) -> None:
        import sources.messages.allocations
        import sources.messages.changes
        import sources.messages.codes
        import sources.messages.flows
        import sources.messages.sources
        import sources.messages.webhooks
        import sources.receivers  # noqa: F401 - the catalogues, and what listens to our own signals
