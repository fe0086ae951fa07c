"""Whose grade is it: what Ladok says of a person, exam code by exam code."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.dates import moment_in_words
from ladokflow.fields import EncryptedTextField
from ladokflow.messages import Message
from ladokflow.rows import ManyRows
from sources.models.flow import FlowSource, Participant


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def listed(self) -> "RegistrationQuerySet":
        """Those on Ladok's list, as it was last read, of codes that are still on the flow."""
        return self.filter(is_listed=True, code__removed_at__isnull=True)

    def asked_about(self) -> "RegistrationQuerySet":
        """Those of which a manager is asked whose they are, of codes that are still on the flow. None is decrypted for it."""
        in_doubt = self.filter(code__removed_at__isnull=True).exclude(doubt={})
        return in_doubt.alias(size=Length("claim")).filter(size__gt=0)


class Registration(ManyRows):
    """What Ladok says of a participant on one code, as its list was last read (*Fetch*).

    The participant is the person in WISEflow; the identifiers here are those that Ladok knows the person by *on this code*, and
    are sent to no other. `FlowSource.list_read_at` says when the list was read.
    """

    participant = models.ForeignKey(
        Participant, models.CASCADE, related_name="registrations", verbose_name=_("participant")
    )
    code = models.ForeignKey(FlowSource, models.CASCADE, related_name="registrations", verbose_name=_("Ladok code"))
    organisation_id = models.CharField(_("organisation id"), max_length=200, blank=True)
    national_id = EncryptedTextField(_("national id"), blank=True)
    external_user_id = models.CharField(_("student number"), max_length=200, blank=True)
    unique_exam_id = models.CharField(_("unique exam id"), max_length=200, blank=True)
    individual_end_at = models.DateTimeField(_("individual end"), null=True, blank=True)
    is_listed = models.BooleanField(_("on Ladok's list"), default=True)
    # Why it cannot be told whose this registration is (a `Message`): nothing is sent for it until Ladok or a manager has said.
    doubt = models.JSONField(default=dict, blank=True)
    # What Ladok says now where it may be of somebody else, and a manager is asked: a person (`sources/sync/claims.py`). Who the
    # registration was of until then is what the columns above say.
    claim = EncryptedTextField(_("what Ladok says now"), blank=True)
    first_seen_at = models.DateTimeField(_("first on the list"), default=timezone.now)
    # When the list was read that no longer had it. Empty while it is on the list: an unchanged list writes nothing.
    gone_at = models.DateTimeField(_("gone from the list"), null=True, blank=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        ordering = ("code__position",)
        # Few are in doubt, or gone from the list: Home looks for the ones.
        indexes = (
            models.Index(
                fields=["code"],
                name="registration_uncertain",
                condition=~models.Q(doubt={}) | models.Q(is_listed=False),
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["participant", "code"], name="one_registration_per_person_and_code"),
            models.CheckConstraint(
                condition=models.Q(is_listed=True, gone_at__isnull=True)
                | models.Q(is_listed=False, gone_at__isnull=False),
                name="registration_is_gone_when_it_says_so",
            ),
        )

    def __str__(self) -> str:
        return f"{self.participant}: {self.code}"

    @property
    def doubt_reason(self) -> Message | None:
        return Message.from_json(self.doubt)


class IdentityAnswer(models.Model):
    """A manager has said whether a person in Ladok is the one whom a registration is of, though the identifiers do not tell.

    It is said of the very identifiers that Ladok had then, and of no others: when they change again, it is asked again.
    """

    registration = models.ForeignKey(
        Registration, models.CASCADE, related_name="answers", verbose_name=_("registration")
    )
    is_same = models.BooleanField(_("the same person"))
    said_of = EncryptedTextField(_("what Ladok said"))  # as `Registration.claim`
    known_as = EncryptedTextField(_("what Ladok had said before"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("who"))
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("answer about an identity")
        verbose_name_plural = _("answers about identities")
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.registration}: {moment_in_words(self.at)}"
