"""A named way to make flows, which licence admins define for their source."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ladokflow.wiseflow.words import USUAL_TYPE
from sources.models.flow import AssessorAllocation, Flow
from sources.models.source import Source

# A list is of one exam's people: it is written when the flow is made.
PRESET_ALLOCATIONS = [choice for choice in AssessorAllocation.choices if choice[0] != AssessorAllocation.LIST]


class FlowPreset(models.Model):
    """What the wizard's settings are filled with when it is chosen. A flow keeps its own settings: changing a preset
    changes no flow that is there."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="presets", verbose_name=_("source"))
    name = models.CharField(_("name"), max_length=100)
    flow_type = models.CharField(_("flow type"), max_length=50, default=USUAL_TYPE)
    template_flow_id = models.PositiveBigIntegerField(_("template flow in WISEflow"), null=True, blank=True)
    staff = models.JSONField(_("staff"), default=list, blank=True)  # as in `Flow.staff`, besides who makes the flow
    assessor_allocation = models.CharField(
        _("who assesses whom"), max_length=15, choices=PRESET_ALLOCATIONS, default=AssessorAllocation.NONE
    )
    activates = models.BooleanField(_("activate when created"), default=False)
    grade_decided_by = models.CharField(
        _("grade decided by"), max_length=10, choices=Flow.DecidedBy, default=Flow.DecidedBy.ASSESSOR
    )
    instant_export = models.BooleanField(_("instant export"), default=False)
    exports_when_marking_ends = models.BooleanField(_("export when marking ends"), default=False)
    # As in `Flow`
    wiseflow_settings = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    class Meta:
        verbose_name = _("flow preset")
        verbose_name_plural = _("flow presets")
        ordering = ("source", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["source", "name"],
                name="one_preset_per_name",
                violation_error_message=_("The source has a preset with this name already."),
            ),
            models.CheckConstraint(
                condition=Q(assessor_allocation__in=["none", "all", "round_robin"]),
                name="preset_assessor_allocation_is_known",
            ),
            models.CheckConstraint(
                condition=Q(grade_decided_by__in=["assessor", "reviewer"]), name="preset_grade_decided_by_is_known"
            ),
        )

    def __str__(self) -> str:
        return self.name
