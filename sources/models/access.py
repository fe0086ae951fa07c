"""Who has looked at which students, and who has taken them along. Append-only, and pruned by age."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from sources.models.flow import Flow, Participant
from sources.models.source import Source


class AccessEntry(models.Model):
    """Somebody has seen students: those of a flow, or one of them. `sources/access.py` is the only writer.

    The same person at the same is one entry for some minutes (`key`). A student is named by the row alone, which is emptied when the flow is
    purged: the entry stays as it was written, and names nobody any more.
    """

    class Kind(models.TextChoices):
        FLOW = "flow", _("A page of a flow")
        LIST = "list", _("A list of flows, with students whose grade has failed")
        ATTEMPT = "attempt", _("An export, person by person")
        EXAM = "exam", _("The students of an exam that is no flow here yet")
        STUDENT = "student", _("A student's page")
        SEARCH = "search", _("Found by a search")
        FILE = "file", _("A file taken along")
        REVEAL = "reveal", _("A whole national id")
        EXTRACT = "extract", _("A register extract")

    source = models.ForeignKey(Source, models.PROTECT, related_name="+", verbose_name=_("source"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("who"))
    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    flow = models.ForeignKey(Flow, models.PROTECT, null=True, related_name="+", verbose_name=_("flow"))
    # Empty: all of the flow's, or those of them that a page or a filter had. A row may go again; the entry stays.
    participant = models.ForeignKey(
        Participant, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", verbose_name=_("student")
    )
    address = models.GenericIPAddressField(_("from"), null=True, blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now)
    key = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        verbose_name = _("access to students")
        # With a context: django-axes calls a sign-in by the same words.
        verbose_name_plural = pgettext_lazy("of students", "access log")
        ordering = ("-at", "-pk")
        indexes = (models.Index(fields=["at"], name="access_age"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["flow", "list", "attempt", "exam", "student", "search", "file", "reveal", "extract"]
                ),
                name="access_kind_is_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.get_kind_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("An entry of the access log is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("An entry of the access log goes by its age alone.")
