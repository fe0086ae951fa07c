"""How people prove who they are: invitations, second factors, and what a university's own sign-in says of them."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.fields import EncryptedTextField
from sources.models.source import Membership, Source


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        """Those whose link still leads somewhere, or is about to be sent."""
        return self.filter(used_at=None, withdrawn_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """A letter to a new member with a link that lets them in, once. Of the link's secret only the digest is kept."""

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="invitations")
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    digest = models.CharField(max_length=64, null=True, unique=True)  # sha256 as hex; none until the letter is written
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    could_not_be_sent = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["membership"],
                condition=Q(used_at=None, withdrawn_at=None),
                name="one_open_invitation_per_membership",
            ),
        )

    def __str__(self) -> str:
        return str(self.membership)

    @property
    def is_open(self) -> bool:
        return self.used_at is None and self.withdrawn_at is None and self.expires_at > timezone.now()


class FederatedIdentity(models.Model):
    """That a person is the one whom an identity provider calls so. What it has said besides is kept as it was at the last sign-in."""

    class Protocol(models.TextChoices):
        OIDC = "oidc", "OpenID Connect"
        SAML = "saml", "SAML"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="identities", verbose_name=_("user")
    )
    protocol = models.CharField(_("protocol"), max_length=4, choices=Protocol)
    issuer = models.CharField(_("identity provider"), max_length=500)
    subject = models.CharField(_("subject"), max_length=500)
    principal_name = models.CharField(_("eduPersonPrincipalName"), max_length=200, blank=True)
    local_id = models.CharField(_("norEduPersonLIN"), max_length=200, blank=True)
    assurance = models.JSONField(_("eduPersonAssurance"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        verbose_name = _("sign-in at the university")
        verbose_name_plural = _("sign-ins at the university")
        ordering = ("user", "issuer")
        constraints = (
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_person_per_subject"),
            models.CheckConstraint(condition=Q(protocol__in=["oidc", "saml"]), name="identity_protocol_is_known"),
        )

    def __str__(self) -> str:
        return f"{self.principal_name or self.subject} ({self.issuer})"


_SCOPE = re.compile(r"(?=.{1,253}\Z)[a-z0-9-]+(\.[a-z0-9-]+)+")


def validate_scope(value: str) -> None:
    if not _SCOPE.fullmatch(value):
        raise ValidationError(_("Write what stands after the @, such as liu.se, in small letters."))


class SignInScope(models.Model):
    """Whoever is called so-and-so@this by their identity provider is the member of the source with that organisation id."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="sign_in_scopes", verbose_name=_("source"))
    scope = models.CharField(
        _("scope"),
        max_length=253,
        validators=[validate_scope],
        help_text=_(
            "What stands after the @ in eduPersonPrincipalName. A member whose organisation id is the whole of it is recognised the first "
            "time they sign in at the university. Name only what is the university's own."
        ),
    )

    class Meta:
        verbose_name = _("scope of the university's sign-in")
        verbose_name_plural = _("scopes of the university's sign-in")
        ordering = ("source", "scope")
        constraints = (models.UniqueConstraint(fields=["source", "scope"], name="one_scope_per_source"),)

    def __str__(self) -> str:
        return f"{self.scope} ({self.source})"


class MembershipRule(models.Model):
    """Whoever brings this value from this identity provider is a member, for as long as they bring it."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="membership_rules", verbose_name=_("source"))
    issuer = models.CharField(
        _("identity provider"),
        max_length=500,
        help_text=_("Its entity id (SAML) or issuer (OpenID Connect): what anybody else says does not count."),
    )
    attribute = models.CharField(
        _("attribute or claim"),
        max_length=200,
        help_text=_("Such as eduPersonEntitlement, eduPersonScopedAffiliation, isMemberOf or groups."),
    )
    value = models.CharField(_("value"), max_length=500, help_text=_("The whole of it, letter by letter."))
    role = models.CharField(_("role"), max_length=20, choices=Membership.Role, default=Membership.Role.MANAGER)
    can_export = models.BooleanField(_("may export grades"), default=False)

    class Meta:
        verbose_name = _("membership by sign-in")
        verbose_name_plural = _("memberships by sign-in")
        ordering = ("source", "issuer", "attribute", "value")
        constraints = (
            models.UniqueConstraint(
                fields=["source", "issuer", "attribute", "value"], name="one_membership_rule_per_value"
            ),
            models.CheckConstraint(
                condition=Q(role__in=["manager", "licence_admin", "auditor"]), name="membership_rule_role_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(role="auditor") | Q(can_export=False),
                name="auditor_by_rule_exports_no_grades",
                violation_error_message=_("An auditor reads, and exports no grades."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.attribute} = {self.value}"


class GivenMembership(models.Model):
    """That a membership came by rule, with the sign-in that brought it: it goes the same way. One that was given by hand has none."""

    membership = models.OneToOneField(Membership, models.CASCADE, related_name="given", primary_key=True)
    identity = models.ForeignKey(FederatedIdentity, models.RESTRICT, related_name="given")

    def __str__(self) -> str:
        return str(self.membership)


class SeenAssertion(models.Model):
    """An assertion that somebody has come with: it lets nobody in a second time."""

    digest = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest


class SecondFactor(models.Model):
    """What a person has, besides what they know: an app with codes, or a security key (a phone or computer counts as one)."""

    class Kind(models.TextChoices):
        APP = "app", _("App with codes")
        KEY = "key", _("Security key or passkey")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factors")
    kind = models.CharField(max_length=3, choices=Kind)
    name = models.CharField(_("name"), max_length=60)
    secret = EncryptedTextField(blank=True)  # of an app: base32
    credential_id = models.CharField(max_length=1400, blank=True)  # of a key: base64url, and so is its public key
    public_key = models.TextField(blank=True)
    sign_count = models.BigIntegerField(default=0)
    last_step = models.BigIntegerField(
        default=0
    )  # of an app: the half minute whose code was taken; none is taken twice
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("created_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=(Q(kind="app", credential_id="") | Q(kind="key") & ~Q(credential_id="")),
                name="second_factor_kind_is_known",
            ),
            models.UniqueConstraint(
                fields=["credential_id"], condition=Q(kind="key"), name="one_owner_per_security_key"
            ),
        )

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """Lets its owner in once in place of a second factor. Of the code only the digest is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "digest"], name="one_row_per_recovery_code"),)

    def __str__(self) -> str:
        return str(self.user)
