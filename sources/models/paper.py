"""What a participant has handed in, as WISEflow says."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ladokflow.choices import StateChoices
from ladokflow.looks import OK, UNKNOWN, WARN
from ladokflow.rows import ManyRows
from sources.models.flow import Participant


class Paper(ManyRows):
    """Whether and when somebody has handed in, as last read. Of whom WISEflow does not tell there is no row: not known is not nothing.

    `sources/papers/read.py` writes it; `accepted_grade` and what stands by it, `exports/grades/papers.py`.
    """

    class State(StateChoices):
        HANDED_IN = "handed_in", OK, _("Handed in")
        BLANK = "blank", WARN, _("Handed in blank")
        NOTHING = "nothing", UNKNOWN, _("Nothing handed in")

    # Without anything that could have been given a grade
    EMPTY = (State.BLANK, State.NOTHING)

    participant = models.OneToOneField(Participant, models.CASCADE, related_name="paper", verbose_name=_("participant"))
    submission_id = models.PositiveBigIntegerField(_("submission in WISEflow"), null=True, blank=True)
    state = models.CharField(_("paper"), max_length=10, choices=State)
    handed_in_at = models.DateTimeField(_("handed in"), null=True, blank=True)
    is_late = models.BooleanField(_("late"), default=False)
    similarity = models.DecimalField(_("similarity"), max_digits=5, decimal_places=1, null=True, blank=True)  # per cent
    # A manager has said that this grade is right, although nothing was handed in. Of another grade it is void.
    accepted_grade = models.CharField(max_length=100, blank=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("paper")
        verbose_name_plural = _("papers")
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=["handed_in", "blank", "nothing"]), name="paper_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(accepted_grade="", accepted_by__isnull=True, accepted_at__isnull=True)
                | ~Q(accepted_grade="") & Q(accepted_by__isnull=False, accepted_at__isnull=False),
                name="paper_says_who_has_accepted_its_grade",
            ),
        )

    def __str__(self) -> str:
        return f"{self.participant}: {self.handed_in}"

    @property
    def handed_in(self) -> State:
        return self.State(self.state)

    @property
    def is_empty(self) -> bool:
        return self.state in self.EMPTY
