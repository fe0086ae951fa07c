"""Who may use our API (`ladokflow/api/`): tokens and OAuth clients, each in the name of one member of a source."""

from __future__ import annotations

import hashlib
import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sources.models.source import Membership, Source


class Scope(models.TextChoices):
    """What a token may be given. `sources/universities/permissions.py` says what its member may do now, and it never may more."""

    FLOWS_READ = "flows.read", _("Read flows, synchronisations and exports")
    PEOPLE_READ = "people.read", _("Read people and their grades")
    EXAMS_READ = "exams.read", _("Read exams, with and without a flow")
    LOGS_READ = "logs.read", _("Read what WISEflow has logged, and students' timelines")
    STATISTICS_READ = "statistics.read", _("Read statistics")
    FLOWS_SYNCHRONISE = "flows.synchronise", _("Synchronise flows")
    GRADES_COLLECT = "grades.collect", _("Have grades read from WISEflow")
    GRADES_EXPORT = "grades.export", _("Export grades, and try again")
    GRADES_MARK = "grades.mark", _("Say that grades are in Ladok, or are not")


def digest_of(secret: str) -> str:
    """What is stored of a secret. They have 256 random bits: nobody finds one by trying, and a slow hash would only cost time."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


class ApiAccess(models.Model):
    """What tokens and OAuth clients have in common. The secret itself is nowhere: whoever makes it sees it once."""

    PREFIX: ClassVar[str]
    choices_of_each: ClassVar = {"scopes": Scope.choices}

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="+", verbose_name=_("acts as"))
    label = models.CharField(_("label"), max_length=100)
    scopes = models.JSONField(_("scopes"), default=list)
    enabled = models.BooleanField(_("enabled"), default=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("made by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    last_used_from = models.GenericIPAddressField(_("from"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        ordering = ("label", "pk")

    def __str__(self) -> str:
        return self.label

    @property
    def source(self) -> Source:
        return self.membership.source

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def renew_secret(self) -> str:
        """Give it a new secret, which is to be saved, and shown once; the former one is worth nothing then."""
        secret = f"{self.PREFIX}_{secrets.token_urlsafe(32)}"
        self.secret_hash = digest_of(secret)
        return secret


class ApiToken(ApiAccess):
    """A bearer token as it stands."""

    PREFIX = "lft"

    class Meta(ApiAccess.Meta):
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints = (models.UniqueConstraint(fields=["membership", "label"], name="one_api_token_per_label"),)


def new_client_id() -> str:
    return f"lfc_{secrets.token_hex(12)}"


class OAuthClient(ApiAccess):
    """Client credentials: with its id and secret a system gets bearer tokens that are good for an hour (`ladokflow/api/oauth.py`)."""

    PREFIX = "lfs"

    client_id = models.CharField(_("client id"), max_length=40, unique=True, default=new_client_id, editable=False)

    class Meta(ApiAccess.Meta):
        verbose_name = _("OAuth client")
        verbose_name_plural = _("OAuth clients")
        constraints = (models.UniqueConstraint(fields=["membership", "label"], name="one_oauth_client_per_label"),)


class ApiCall(models.Model):
    """A starting call that was made with an `Idempotency-Key`, and what it was answered: said again it gets the same, and nothing is
    done twice. Written in the transaction that does it (`ladokflow/api/once.py`); nobody is named in it."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="+")
    caller = models.CharField(max_length=40)  # the token or the client
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)  # of method, path and body
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("call of the API")
        verbose_name_plural = _("calls of the API")
        indexes = (models.Index(fields=["created_at"], name="api_call_age"),)
        constraints = (
            models.UniqueConstraint(fields=["caller", "key"], name="one_api_call_per_key"),
            models.CheckConstraint(condition=~Q(key=""), name="api_call_has_a_key"),
        )

    def __str__(self) -> str:
        return self.key
