"""Accounts that were made in WISEflow for those who work with a flow."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sources.models.flow import Flow


class StaffAccount(models.Model):
    """A user that a flow had made in WISEflow, because a manager had confirmed it. It is told on the flow's page until somebody
    has looked at it.

    The row is there before WISEflow is asked, so that an account is never made without anybody being told. `user_id` is None
    until WISEflow has answered: then it may have been made.
    """

    flow = models.ForeignKey(Flow, models.CASCADE, related_name="staff_accounts", verbose_name=_("flow"))
    organisation_id = models.CharField(_("organisation id"), max_length=200)
    name = models.CharField(_("name"), max_length=400)
    user_id = models.PositiveBigIntegerField(_("user in WISEflow"), null=True)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, verbose_name=_("confirmed by")
    )

    class Meta:
        verbose_name = _("account of somebody who works with a flow")
        verbose_name_plural = _("accounts of those who work with a flow")
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=["flow", "organisation_id"], name="one_staff_account_per_person"),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
                name="staff_account_is_confirmed_by_somebody",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.organisation_id})" if self.name != self.organisation_id else self.name
