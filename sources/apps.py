from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SourcesConfig(AppConfig):
    name = "sources"
    verbose_name = _("Sources and flows")

    def ready(self) -> None:
        import sources.allocation_messages
        import sources.change_messages
        import sources.code_messages
        import sources.messages
        import sources.receivers
        import sources.source_messages
        import sources.webhook_messages  # noqa: F401 - the catalogues, and what listens to our own signals
