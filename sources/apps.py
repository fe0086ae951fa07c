from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SourcesConfig(AppConfig):
    name = "sources"
    verbose_name = _("Sources and flows")

    def ready(self) -> None:
        import sources.flows.settings
        import sources.messages
        import sources.pages.preference
        import sources.receivers  # noqa: F401 - the settings' words, the catalogue, and what listens to signals
        from ladokflow.messages import tell_people_by
        from sources.people import who_is

        tell_people_by(who_is)
