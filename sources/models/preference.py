"""What a person has chosen for herself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Preference(models.Model):
    """Of a person, wherever she is a member. Without a row everything is as it comes."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="preference", primary_key=True, verbose_name=_("user")
    )
    has_keys = models.BooleanField(_("keyboard shortcuts"), default=True)
    lists = models.JSONField(default=dict, blank=True)  # name of a list -> the query that it is opened with

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return str(self.user_id)

    @classmethod
    def of(cls, user: Any) -> Preference:
        """The person's own, or one as it comes, which is not stored."""
        return cls.objects.filter(user_id=user.pk).first() or cls(user_id=user.pk)
