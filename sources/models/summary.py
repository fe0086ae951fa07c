"""Who has been told of which night."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from sources.models.source import Source


class NightSummary(models.Model):
    """One e-mail to one person about one night's synchronisations of a source. `sources/summaries.py` is the only writer.

    There is a row only where there was something to tell. `lease_until`: somebody is sending it.
    """

    source = models.ForeignKey(Source, models.CASCADE, related_name="+", verbose_name=_("source"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    night_at = models.DateTimeField()  # when the night's synchronisations were due
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("summary of a night")
        verbose_name_plural = _("summaries of nights")
        constraints = (
            models.UniqueConstraint(fields=["source", "user", "night_at"], name="one_summary_per_person_and_night"),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.night_at:%Y-%m-%d}"
