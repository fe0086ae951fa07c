"""A university, its credentials and its people."""

import datetime as dt
import re
import zoneinfo
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ladokflow.certificates import certificate_end
from ladokflow.fields import EncryptedTextField
from ladokflow.http import fault_of
from ladokflow.identifiers import normal
from ladokflow.ladok import UNIVERSITIES, University
from ladokflow.ladok.answers import AnswerRules
from ladokflow.ladok.patterns import fault_of as fault_of_pattern
from ladokflow.messages import Message

EPSILON = dt.timedelta(microseconds=1)
DST_HOUR = 2  # between 02:00 and 02:59 a night is run twice in autumn and not at all in spring


def validate_timezone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            _("%(value)s is not a time zone; write it like Europe/Stockholm."), params={"value": value}
        )


def validate_sync_at(value: dt.time) -> None:
    if value.hour == DST_HOUR:
        raise ValidationError(_("Not between 02:00 and 02:59: that hour is missing or doubled when the clocks change."))


def check_address(value: str) -> None:
    """ValidationError for an address that would not be called, or that shows a password. What is no address is not judged."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise ValidationError(_("The address cannot be read.")) from error
    if not url.host:
        return
    if url.userinfo:
        raise ValidationError(
            _(
                "The address holds a user name or a password, and everybody who sees the source would see it. Take it out: "
                "in Ladok and WISEflow a credential signs in, and a webhook's calls are signed."
            )
        )
    if fault := ADDRESS_FAULTS.get(fault_of(url)):
        raise ValidationError(fault)


def _check_page(value: str, placeholder: str) -> None:
    """ValidationError for what is no address of a page with the placeholder in it, once or more, after the host."""
    try:
        url = httpx.URL(value.replace(placeholder, "x"))
    except httpx.InvalidURL as error:
        raise ValidationError(_("The address cannot be read.")) from error
    host, _slash, path = value.partition("://")[2].partition("/")
    if url.scheme not in ("https", "http") or not url.host or url.userinfo or "{" in host:
        raise ValidationError(_("Write the whole address of the page, from https:// on."))
    if set(re.findall(r"\{[^}]*\}?|\}", path)) != {placeholder}:
        text = _("The address must hold %(placeholder)s, and nothing else in braces.")
        raise ValidationError(text, params={"placeholder": placeholder})


def validate_flow_page(value: str) -> None:
    _check_page(value, "{flow}")


def validate_exam_page(value: str) -> None:
    _check_page(value, "{code}")


ADDRESS_FAULTS = {
    "address": _(
        "The address must begin with https://. Plain http is for this machine only, and for the hosts that the "
        "operator names in PLAIN_HTTP_HOSTS."
    ),
    "inside": _(
        "The address leads into the network that LadokFlow itself stands in. If that is meant, ask those who run LadokFlow to "
        "name the host in INSIDE_HOSTS."
    ),
}
PATTERN_FAULTS = {
    "long": _("“%(pattern)s” is longer than 200 characters. Write several shorter lines."),
    "unreadable": _("“%(pattern)s” is no regular expression. Write a \\ before a sign that is meant as it stands."),
    "slow": _("“%(pattern)s” could take too long to look for: it repeats too much. Write .{0,40} instead of .*"),
    "loose": _(
        "“%(pattern)s” is also found in other refusals, as “Studenten är inte registrerad på kursen”. Say more."
    ),
}


def validate_patterns(value: str) -> None:
    """Of `Source.already_patterns`: each line by itself."""
    wrong = [
        ValidationError(PATTERN_FAULTS[fault], params={"pattern": line.strip()})
        for line in value.splitlines()
        if line.strip() and (fault := fault_of_pattern(line.strip()))
    ]
    if wrong:
        raise ValidationError(wrong)


def university_choices() -> list[tuple[str, str]]:
    """The universities there is a module for in `ladokflow/ladok/`: a new one needs no migration."""
    return [(slug, university.name) for slug, university in UNIVERSITIES.items()]


class GradeForm(models.TextChoices):
    """As of `ladokflow.wiseflow.scales.Form`."""

    SHOWN = "shown", _("As they are shown")
    STORED = "stored", _("As they are stored")


class SourceQuerySet(models.QuerySet["Source"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "SourceQuerySet":
        """The sources the user is a member of: everything else does not exist for them."""
        memberships = Membership.objects.filter(user_id=user.pk)  # type: ignore[misc] # anonymous: no key, no membership
        return self.filter(pk__in=memberships.values("source_id"))


class Source(models.Model):
    """One university: its Ladok side, its WISEflow licence, its rules."""

    class Method(models.TextChoices):
        POST = "POST", "POST"
        PATCH = "PATCH", "PATCH"

    GradeForm = GradeForm

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    university = models.CharField(_("university"), max_length=20, choices=university_choices)
    ladok_url = models.URLField(_("address of Ladok"), max_length=500)
    wiseflow_url = models.URLField(_("address of WISEflow"), max_length=500)
    ladok_paths = models.JSONField(
        _("paths of Ladok"),
        default=dict,
        blank=True,
        help_text=_(
            "Only where they differ from the usual: an object with any of list, fetch and export; and list_by_dates, with {from} and {to}, "
            "where exams are listed between two dates, too."
        ),
    )
    export_method = models.CharField(_("export method"), max_length=5, choices=Method, default=Method.POST)
    export_body = models.TextField(
        _("export body"), blank=True, help_text=_("A JMESPath expression; empty: the university's own body.")
    )
    accepts_manual_participants = models.BooleanField(
        _("accepts participants added by hand"),
        default=False,
        help_text=_("Grades of people who were added by hand in WISEflow are exported too, by organisation id."),
    )
    can_read_back = models.BooleanField(
        _("can be read back"), default=False, help_text=_("Ladok can be asked which grades it has registered.")
    )
    settling_minutes = models.PositiveSmallIntegerField(
        _("minutes that Ladok may work on an export"),
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 60)],
        help_text=_(
            "A grade that Ladok does not show is taken for not registered when it has been missing twice, at least so many "
            "minutes apart. Longer than the service may need for a request."
        ),
    )
    allows_overwriting = models.BooleanField(
        _("allows overwriting"),
        default=False,
        help_text=_("Ladok accepts a changed grade for one it has already registered."),
    )
    already_patterns = models.TextField(
        _("words for “there already”"),
        blank=True,
        max_length=4000,
        validators=[validate_patterns],
        help_text=_(
            "How Ladok says of a grade it rejects that it is there already: then it is not retried but marked as exported."
            " One phrase or regular expression in each line, in any case. Empty: the university's own."
        ),
    )
    brake_people = models.PositiveSmallIntegerField(
        _("people who may go at once while students write"),
        default=3,
        help_text=_(
            "When more would be locked out of a running exam, and more than the share below, a manager is asked."
        ),
    )
    brake_percent = models.PositiveSmallIntegerField(
        _("per cent who may go at once while students write"), default=5, validators=[MaxValueValidator(100)]
    )
    exports_when_marking_ends = models.BooleanField(
        _("export when marking ends"), default=False, help_text=_("The default for new flows: export by itself, once.")
    )
    # The beginning of a course code -> the department that gives the course
    departments = models.JSONField(
        _("departments"), default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    grading_scales = models.JSONField(
        _("grading scales"), default=dict, blank=True, help_text=_("Ladok's scale to WISEflow's scale, by name or id.")
    )
    # In which form `GET /flow/{flowId}/assessments` gives out grades: found out when grades are collected.
    grade_form = models.CharField(
        _("how WISEflow gives out grades"),
        max_length=6,
        choices=GradeForm,
        blank=True,
        help_text=_("Found out from the first grades that only one of the two explains. Empty: not known yet."),
    )
    user_data_types = models.JSONField(
        _("user data types"), default=dict, blank=True, help_text=_("WISEflow's data types, by name or id.")
    )
    sync_at = models.TimeField(_("nightly synchronisation at"), default=dt.time(3, 30), validators=[validate_sync_at])
    flow_page = models.CharField(
        _("page of a flow in WISEflow"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        validators=[validate_flow_page],
        help_text=_(
            "The address in the browser, with {flow} in place of the flow's number. Empty: no link to it is shown."
        ),
    )
    exam_page = models.CharField(
        _("page of an exam in Ladok"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        validators=[validate_exam_page],
        help_text=_(
            "The address in the browser, with {code} in place of the exam's code. Empty: no link to it is shown."
        ),
    )
    archives_after_days = models.PositiveSmallIntegerField(
        _("archive packages by themselves, days after marking"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(3650)],
        help_text=_(
            "So many days after the end of marking a package with papers, grades and history is made of each flow. Empty: only when "
            "somebody asks for it."
        ),
    )
    archive_days = models.PositiveIntegerField(
        _("days that archive packages are kept"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(36500)],
        help_text=_("Afterwards they are deleted. Empty: as long as ARCHIVE_RETENTION_DAYS says."),
    )
    retention_days = models.PositiveIntegerField(
        _("days that students are kept"),
        null=True,
        blank=True,
        validators=[MinValueValidator(30), MaxValueValidator(36500)],
        help_text=_(
            "So many days after a flow has been concluded and its grades are in Ladok, its students, grades and answers are emptied, and cannot be had "
            "back here. Counts and the audit log stay. Empty: they are kept."
        ),
    )
    protects_identity = models.BooleanField(
        _("hides names"),
        default=False,
        db_default=False,
        help_text=_(
            "Students with protected identity: no name and no e-mail address of any student is kept or shown here, only identifiers. Those that are "
            "here already are emptied at once, and come back with the next synchronisation when it is turned off."
        ),
    )
    timezone = models.CharField(
        _("time zone"), max_length=50, default="Europe/Stockholm", validators=[validate_timezone]
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = SourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(export_method__in=["POST", "PATCH"]), name="source_export_method_is_known"
            ),
            models.CheckConstraint(
                condition=Q(grade_form__in=["", "shown", "stored"]), name="source_grade_form_is_known"
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        wrong = {}
        for field in ("ladok_url", "wiseflow_url"):
            try:
                check_address(getattr(self, field))
            except ValidationError as error:
                wrong[field] = error
        if wrong:
            raise ValidationError(wrong)

    def counterpart_of(self, ladok_scale: str) -> str:
        """What WISEflow's scale for this one of Ladok's is called, by name or id, where it is another than Ladok's; else empty."""
        mapped = {normal(str(key)): str(value) for key, value in self.grading_scales.items()}
        return mapped.get(normal(ladok_scale), "")

    def department_of(self, course: str) -> str:
        """Who gives a course, by the longest beginning of its code that somebody has written down; empty where nobody has."""
        found = [start for start in self.departments if start and normal(course).startswith(normal(str(start)))]
        return str(self.departments[max(found, key=len)]).strip()[:200] if found else ""

    @property
    def rules(self) -> University:
        """The university's own tables and rules."""
        return UNIVERSITIES[self.university]

    @property
    def can_list_by_dates(self) -> bool:
        """Whether Ladok can be asked for the exams between two dates; otherwise it lists those of one course at a time."""
        return self.rules.can_list_by_dates(self.ladok_paths)

    @property
    def answers(self) -> AnswerRules:
        """What Ladok's answers to an export prove here."""
        return self.rules.answers.with_patterns(self.already_patterns)

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def page_of_flow(self, number: int | None) -> str:
        """The address of the flow with this number in WISEflow, as people see it there; empty where it is not known."""
        return self.flow_page.replace("{flow}", str(number)) if number is not None else ""

    def page_of_exam(self, code: str) -> str:
        """As `page_of_flow`, of an exam in Ladok."""
        return self.exam_page.replace("{code}", quote(code, safe=""))

    @property
    def settling_time(self) -> dt.timedelta:
        """How long Ladok may work on a request, whatever has come back of it."""
        return dt.timedelta(minutes=self.settling_minutes)


class CredentialQuerySet(models.QuerySet["Credential"]):
    def with_used(self) -> "CredentialQuerySet":
        """`used_pk`: of each one's source and system the newest enabled one, which is what LadokFlow signs in with."""
        own = Credential.objects.filter(source=models.OuterRef("source"), system=models.OuterRef("system"))
        return self.annotate(used_pk=models.Subquery(own.newest_enabled().values("pk")[:1]))

    def newest_enabled(self) -> "CredentialQuerySet":
        """Of one source and system: the first of them is the one in use."""
        return self.filter(enabled=True).order_by("-created_at", "-pk")

    def in_use(self) -> "CredentialQuerySet":
        return self.with_used().filter(pk=models.F("used_pk"))


class Credential(models.Model):
    """A token or the like with which we speak to one of the source's two systems. The newest enabled one is used.

    One that is typed in is off until its test has passed; `sources/universities/credentials.py` tests it and switches over.
    """

    class System(models.TextChoices):
        LADOK = "ladok", "Ladok"
        WISEFLOW = "wiseflow", "WISEflow"

    class Kind(models.TextChoices):
        BEARER = "bearer", _("Bearer token")
        API_KEY = "api_key", _("API key")
        BASIC = "basic", _("User name and password")
        OAUTH_CLIENT = "oauth_client", _("OAuth client")
        CLIENT_CERTIFICATE = "client_certificate", _("Client certificate")

    source = models.ForeignKey(Source, models.CASCADE, related_name="credentials", verbose_name=_("source"))
    system = models.CharField(_("system"), max_length=20, choices=System)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    label = models.CharField(_("label"), max_length=100)
    client_id = models.CharField(_("client id"), max_length=200, blank=True)
    secret = EncryptedTextField(_("secret"))
    enabled = models.BooleanField(_("enabled"), default=True)
    # When it stops being valid. Of a client certificate: read from the secret whenever that is saved.
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True, editable=False)
    # The least number of days before that its people have been written to of; None: not yet.
    expiry_told = models.PositiveSmallIntegerField(null=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("owner"),
        help_text=_(
            "Who looks after it: a member of the source. Gets an e-mail before it expires, besides the licence admins."
        ),
    )
    # Written every few minutes at most
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    # Its last test, of what is stored here now: another secret, user name or kind has not been tested.
    tested_at = models.DateTimeField(_("last test"), null=True, editable=False)
    tested_address = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)
    has_passed = models.BooleanField(_("passed"), default=False, db_default=False, editable=False)
    test_told = models.JSONField(default=list, db_default=[], editable=False)  # what did not work: messages
    # The one that it took over from, and that stands by
    former = models.ForeignKey("self", models.SET_NULL, related_name="+", null=True, editable=False)
    # Set where the source's address has been changed since: the host that the secret was given for, and is not sent beyond.
    former_host = models.CharField(max_length=500, blank=True, default="", editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    SIGNS_IN_WITH = ("kind", "client_id", "secret")
    UNTESTED: ClassVar[dict[str, Any]] = {"tested_at": None, "tested_address": "", "has_passed": False, "test_told": []}

    objects = CredentialQuerySet.as_manager()

    class Meta:
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        ordering = ("source", "system", "-created_at", "-pk")
        constraints = (
            models.UniqueConstraint(fields=["source", "system", "label"], name="one_credential_per_label"),
            models.CheckConstraint(
                condition=(
                    Q(system="wiseflow", kind__in=["api_key", "oauth_client"])
                    | Q(system="ladok", kind__in=["bearer", "api_key", "basic", "client_certificate"])
                ),
                name="credential_kind_fits_the_system",
                violation_error_message=_("This kind of credential does not fit the system."),
            ),
            models.CheckConstraint(
                condition=Q(former_host="") | Q(enabled=False), name="credential_for_another_host_is_disabled"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_system_display()}: {self.label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        stored = Credential.objects.filter(pk=self.pk).first() if self.pk else None
        if self.kind == self.Kind.CLIENT_CERTIFICATE:
            self.expires_at = certificate_end(self.secret)
        elif stored is not None and stored.kind == self.Kind.CLIENT_CERTIFICATE:
            self.expires_at = None  # the certificate's
        if stored is not None and any(getattr(stored, name) != getattr(self, name) for name in self.SIGNS_IN_WITH):
            for name, value in self.UNTESTED.items():
                setattr(self, name, value)
        if stored is not None and stored.expires_at != self.expires_at:
            self.expiry_told = None
        super().save(*args, **kwargs)

    @property
    def address(self) -> str:
        """Where it is sent to."""
        return self.source.ladok_url if self.system == self.System.LADOK else self.source.wiseflow_url

    @property
    def is_proven(self) -> bool:
        """Whether it has signed in as it is stored, at the address that the source has now."""
        return self.has_passed and not self.former_host and self.tested_address == self.address

    @property
    def test_messages(self) -> list[Message]:
        return Message.list_from_json(self.test_told)

    @property
    def expires_on(self) -> dt.date | None:
        """The last day on which it can be used, by the source's clock."""
        return None if self.expires_at is None else (self.expires_at.astimezone(self.source.tz) - EPSILON).date()

    @expires_on.setter
    def expires_on(self, day: dt.date | None) -> None:
        """A certificate says it itself, whatever is said here."""
        after = None if day is None else dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), self.source.tz)
        self.expires_at = None if after is None else after.astimezone(dt.UTC)

    def clean(self) -> None:
        """What cannot work in any system is refused here, whichever way it comes in."""
        wrong = {}
        if self.kind in (self.Kind.BASIC, self.Kind.OAUTH_CLIENT) and not self.client_id.strip():
            wrong["client_id"] = _("This kind of credential needs the user name or the client id.")
        if self.kind == self.Kind.CLIENT_CERTIFICATE:
            if self.secret and not ("BEGIN CERTIFICATE" in self.secret and "PRIVATE KEY" in self.secret):
                wrong["secret"] = _("Both the certificate and its private key are needed, as PEM text.")
        elif self.kind in (self.Kind.BEARER, self.Kind.API_KEY) and re.search(r"\s", self.secret):
            wrong["secret"] = _("A token holds no spaces and no line breaks: was more than the token copied?")
        if wrong:
            raise ValidationError(wrong)


class Membership(models.Model):
    """A person's place at a source. Without one, the source and all that is in it does not exist for the person."""

    class Role(models.TextChoices):
        MANAGER = "manager", _("Manager")
        LICENCE_ADMIN = "licence_admin", _("Licence admin")
        AUDITOR = "auditor", _("Auditor")

    source = models.ForeignKey(Source, models.CASCADE, related_name="memberships", verbose_name=_("source"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.MANAGER)
    organisation_id = models.CharField(
        _("organisation id"), max_length=200, blank=True, help_text=_("Who the person is in WISEflow and Ladok.")
    )
    can_export = models.BooleanField(
        _("may export grades"),
        default=False,
        help_text=_(
            "Sends grades to Ladok, tries again, and marks grades as exported. Without it a person makes and looks after flows, and what "
            "a flow of theirs would export by itself waits for somebody who has it."
        ),
    )
    can_archive = models.BooleanField(
        _("may make and download archive packages"),
        default=False,
        db_default=False,
        help_text=_(
            "A package holds the papers, grades and marking history of everybody on a flow. Whoever downloads anything of it is "
            "written down in the audit log."
        ),
    )
    can_see_logs = models.BooleanField(
        _("may see logs"),
        default=False,
        db_default=False,
        help_text=_(
            "Sees what WISEflow has logged of each student, minute by minute, and takes it along as a file. Licence admins do so in any case."
        ),
    )
    can_see_small_groups = models.BooleanField(
        _("may see small groups"),
        default=False,
        db_default=False,
        help_text=_(
            "Sees statistics of fewer than five students, and of each assessor. Licence admins do so in any case."
        ),
    )
    gets_summary = models.BooleanField(
        _("gets e-mail"),
        default=True,
        help_text=_(
            "One e-mail when exports of the person's own flows have failed, or their synchronisation asks or has failed."
        ),
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        blank=True,
        choices=settings.LANGUAGES,
        default="sv",
        help_text=_("Of e-mails to the person."),
    )

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ("source", "user")
        constraints = (
            models.UniqueConstraint(fields=["source", "user"], name="one_membership_per_person_and_source"),
            models.CheckConstraint(
                condition=Q(role__in=["manager", "licence_admin", "auditor"]), name="membership_role_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(role="auditor") | Q(can_export=False),
                name="auditor_exports_no_grades",
                violation_error_message=_("An auditor reads, and exports no grades."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} ({self.source})"

    @property
    def is_admin(self) -> bool:
        return self.role == self.Role.LICENCE_ADMIN
