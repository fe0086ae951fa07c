"""What is told of a flow's settings that are changed after it was made. The settings' own words: `sources/flows/settings.py`."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LICENCE_ADMIN, MANAGER, Sentence, register

UNCHANGED = _("Nothing was changed.")

register(
    {
        # --- Why one cannot be changed
        "sources.settings.before_marking": Sentence(
            _("Marking has begun: it can no longer be changed."), effect=UNCHANGED
        ),
        "sources.settings.anonymous_marking": Sentence(
            _("Marking has begun, and the assessors have seen whom they assess: it can no longer be changed."),
            effect=UNCHANGED,
        ),
        "sources.settings.before_participation": Sentence(
            _("Students have begun to write: it can no longer be changed."), effect=UNCHANGED
        ),
        "sources.settings.marking_over": Sentence(
            _("Marking has ended: it can no longer be changed."), effect=UNCHANGED
        ),
        "sources.settings.archived": Sentence(
            _("The flow is archived in WISEflow: it can no longer be changed."), effect=UNCHANGED
        ),
        "sources.settings.not_there": Sentence(_("WISEflow has no such setting for this flow."), effect=UNCHANGED),
        "sources.settings.no_reviewers": Sentence(_("There is no reviewer on the flow in WISEflow."), effect=UNCHANGED),
        "sources.settings.no_export_right": Sentence(
            _("It says what is sent to Ladok, and you may not export grades here."),
            effect=UNCHANGED,
            todo=_("Ask somebody who may export, or ask for the right."),
            who=LICENCE_ADMIN,
        ),
        "sources.settings.people_stay": Sentence(
            _("The flow is activated: people are added here, and taken off in WISEflow."), effect=UNCHANGED
        ),
        "sources.settings.people_closed": Sentence(
            _("Marking has ended: people are added and taken off in WISEflow."), effect=UNCHANGED
        ),
        "sources.settings.manager_needed": Sentence(
            _("A flow needs a manager."),
            effect=UNCHANGED,
            todo=_("Leave one of them, or add another one."),
            who=MANAGER,
        ),
        "sources.settings.people_unknown": Sentence(
            _("Not found in WISEflow, or more than one user has the organisation id: %(people)s."),
            effect=UNCHANGED,
            todo=_("Correct the organisation id, or add the person on the flow's page, where an account can be made."),
            who=MANAGER,
        ),
        "sources.settings.not_possible": Sentence(
            "%(setting)s %(reason)s",
            effect=UNCHANGED,
        ),
        "sources.settings.not_written": Sentence(
            _("WISEflow did not take this: %(setting)s %(cause)s"),
            effect=_("What was to be changed before it is changed, and nothing after it; the audit log tells."),
            todo=_("Look at what is shown now, and try again. If it is refused again, change it in WISEflow."),
            who=MANAGER,
        ),
        "sources.groups.no_group": Sentence(
            _("“%(line)s” is no group."),
            effect=UNCHANGED,
            todo=_("Write the name of the group, a colon, and its assessors with commas between."),
            who=MANAGER,
        ),
        "sources.groups.twice": Sentence(
            _("Two groups are called %(title)s."),
            effect=UNCHANGED,
            todo=_("Give one of them another name."),
            who=MANAGER,
        ),
        "sources.groups.twice_there": Sentence(
            _("Two of the flow's groups in WISEflow are called %(title)s."),
            effect=UNCHANGED,
            todo=_("Give one of them another name in WISEflow first."),
            who=MANAGER,
        ),
        "sources.groups.too_many": Sentence(
            _("WISEflow has at most %(most)s groups on a flow."),
            effect=UNCHANGED,
            todo=_("Make fewer and larger groups."),
            who=MANAGER,
        ),
        "sources.groups.not_grouped": Sentence(
            _("There are groups of assessors, but the assessors are given students one by one."),
            effect=UNCHANGED,
            todo=_("Choose “In groups”, or empty the groups."),
            who=MANAGER,
        ),
        "sources.groups.not_an_assessor": Sentence(
            _("Not among the flow's assessors in WISEflow: %(people)s."),
            todo=_("Add them as assessors first, and name each by organisation id where two have the same name."),
            who=MANAGER,
        ),
        "sources.groups.has_students": Sentence(
            ngettext_lazy(
                "The group %(title)s has %(count)s student, who would be nobody's.",
                "The group %(title)s has %(count)s students, who would be nobody's.",
                "count",
            ),
            todo=_("Give them to another group in WISEflow first."),
            who=MANAGER,
        ),
        # --- What has been done
        "sources.audit.setting_changed": Sentence(_("%(setting)s Before: %(old)s Now: %(new)s")),
        "sources.audit.people_added": Sentence(_("People to be added to the flow: %(people)s.")),
        "sources.audit.people_taken_off": Sentence(_("People to be taken off the flow: %(people)s.")),
        # --- What stands in a setting
        "sources.settings.value.nothing": Sentence(_("nothing")),
        "sources.settings.value.text": Sentence("“%(text)s”"),
        "sources.settings.value.minutes": Sentence(_("%(count)s minutes")),
        "sources.settings.value.yes": Sentence(_("yes")),
        "sources.settings.value.no": Sentence(_("no")),
    }
)
