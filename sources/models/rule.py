"""Rules by which flows are made by themselves, and the exams that they have taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.choices import with_trait
from ladokflow.fields import NormalCodeField
from ladokflow.identifiers import normal_code
from ladokflow.messages import Message, Trait
from sources.models.batch import BatchExam
from sources.models.preset import FlowPreset
from sources.models.source import Membership, Source

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

ANY_ENDING = "*"


class FlowRuleQuerySet(models.QuerySet["FlowRule"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> FlowRuleQuerySet:
        memberships = Membership.objects.filter(user_id=user.pk)  # type: ignore[misc] # anonymous: no key, no membership
        return self.filter(source_id__in=memberships.values("source_id"))

    def telling(self) -> FlowRuleQuerySet:
        """Those that are on and have something to tell of their last look."""
        return self.filter(is_on=True).exclude(told=[])

    def asking(self) -> FlowRuleQuerySet:
        """Those that make nothing until a licence admin has answered: what they ask is told first."""
        return self.filter(with_trait("told__0", Trait.QUESTION), is_on=True)


class FlowRule(models.Model):
    """Exams of these courses become flows by themselves some days before, made for a manager. `sources/flows/rules.py` does it."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="rules_for_flows", verbose_name=_("source"))
    name = models.CharField(_("name"), max_length=100)
    is_on = models.BooleanField(
        _("on"), default=False, help_text=_("Look at its dry run first: it tells which flows the rule would make.")
    )
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("manager"),
        help_text=_("A member of the source: the flows are made for this person, who becomes their manager."),
    )
    preset = models.ForeignKey(
        FlowPreset,
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("preset"),
        help_text=_("What the flows are made with. Empty: the usual settings."),
    )
    courses = models.TextField(
        _("courses"),
        max_length=4000,
        help_text=_(
            "One course code in each line. Where Ladok can be asked for the exams of all courses, TDD* is all that begin with TDD."
        ),
    )
    words = models.CharField(
        _("words"),
        max_length=200,
        blank=True,
        help_text=_(
            "Only exams with one of these in their title or code, with commas between them: Salstentamen, TEN1. Empty: all."
        ),
    )
    first_day = models.DateField(_("exams from"), default=timezone.localdate, help_text=_("None before this day."))
    days_before = models.PositiveSmallIntegerField(
        _("days before the exam"), default=14, validators=[MinValueValidator(1), MaxValueValidator(120)]
    )
    most_at_once = models.PositiveSmallIntegerField(
        _("most flows at once"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
        help_text=_("If it would make more in one night, it makes none and asks."),
    )
    looked_at = models.DateTimeField(_("last looked"), null=True, editable=False)
    # Why it made nothing when it looked, or what Ladok did not tell: messages
    told = models.JSONField(default=list, editable=False)

    objects = FlowRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule for flows")
        verbose_name_plural = _("rules for flows")
        ordering = ("source", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["source", "name"],
                name="one_rule_per_name",
                violation_error_message=_("The source has a rule with this name already."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def course_lines(self) -> list[str]:
        return list(dict.fromkeys(line.strip() for line in self.courses.splitlines() if line.strip()))

    @property
    def word_list(self) -> list[str]:
        return [word.strip() for word in self.words.split(",") if word.strip()]

    @property
    def told_messages(self) -> list[Message]:
        return Message.list_from_json(self.told)

    def is_of_course(self, course: str) -> bool:
        wanted = [normal_code(line) for line in self.course_lines]
        code = normal_code(course)
        return any(
            code.startswith(line.removesuffix(ANY_ENDING)) if line.endswith(ANY_ENDING) else code == line
            for line in wanted
        )

    def clean(self) -> None:
        """That it can do what it says: at its source, for its manager."""
        source = Source.objects.filter(pk=self.source_id).first()
        if source is None:
            return
        wrong: dict[str, ValidationError] = {}
        if any(ANY_ENDING in line.removesuffix(ANY_ENDING) or line == ANY_ENDING for line in self.course_lines):
            wrong["courses"] = ValidationError(_("A * stands at the end, after the beginning of a course code."))
        elif not source.can_list_by_dates and ANY_ENDING in self.courses:
            wrong["courses"] = ValidationError(
                _("Ladok here lists the exams of one course at a time: write each course code, without *.")
            )
        if not source.memberships.filter(user_id=self.manager_id, user__is_active=True).exists():
            wrong["manager"] = ValidationError(_("The manager is no member of the source."))
        if self.preset is not None and self.preset.source_id != source.pk:
            wrong["preset"] = ValidationError(_("The preset is another source's."))
        if wrong:
            raise ValidationError(wrong)


class RuleExam(models.Model):
    """An exam that a rule has taken up, for good: whatever becomes of its flow, no rule of the source takes it up again."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="+")
    rule = models.ForeignKey(FlowRule, models.SET_NULL, related_name="exams", null=True)
    code = models.CharField(max_length=200)
    normal_code = NormalCodeField(of="code")
    title = models.CharField(max_length=255, blank=True)
    starts_at = models.DateTimeField(null=True)
    # What has come of it; a form's rows are not kept for ever
    batch_exam = models.ForeignKey(BatchExam, models.SET_NULL, related_name="of_rules", null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (models.UniqueConstraint(fields=["source", "normal_code"], name="one_rule_takes_an_exam_once"),)

    def __str__(self) -> str:
        return self.code
