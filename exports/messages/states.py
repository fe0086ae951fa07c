"""What a flow and its participants show."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from exports.messages.finding_out import FIND_OUT
from ladokflow.messages import MANAGER, Sentence, Trait, register

READING_POINTS = ngettext_lazy(
    "Reading points from WISEflow: %(read)s of %(total)s person.",
    "Reading points from WISEflow: %(read)s of %(total)s people.",
    "total",
)

register(
    {
        "export.purged": Sentence(_("Its students have been emptied: they had been kept long enough.")),
        "export.no_student": Sentence(
            _("Nobody at %(source)s has this organisation id or student number here."),
            todo=_("Check how it is spelt. A student whose flows have all been emptied is no longer here."),
        ),
        "export.not_collected": Sentence(
            _("Marking has ended, but the grades have not been read from WISEflow."),
            todo=_("Collect the grades."),
            who=MANAGER,
        ),
        "export.some_not_graded": Sentence(_("%(count)s of %(total)s not graded.")),
        "export.some_not_graded_yet": Sentence(
            _("%(exported)s of %(total)s exported, %(count)s not graded yet."),
            _("Who never handed in may stay without a grade; then there is nothing more to send."),
            _("When a grade has been given, export it."),
            MANAGER,
            {Trait.LEFT_UNGRADED},
        ),
        "export.no_participants": Sentence(_("The flow has no participants.")),
        "export.ready": Sentence(
            ngettext_lazy(
                "%(count)s grade is ready to be exported.", "%(count)s grades are ready to be exported.", "count"
            ),
            todo=_("Press Export."),
            who=MANAGER,
            traits={Trait.READY},
        ),
        # %(cause)s is how many grades are ready: a message of its own
        "export.ready_without_points": Sentence(
            ngettext_lazy(
                "%(cause)s %(count)s of them goes without points.",
                "%(cause)s %(count)s of them go without points.",
                "count",
            ),
            todo=_("Press Export, or have the points given in WISEflow first."),
            who=MANAGER,
            traits={Trait.READY},
        ),
        "export.ready_but": Sentence(
            _("%(count)s of %(total)s not graded; the other grades (%(ready)s) are ready to be exported."),
            todo=_("Press Export, or wait for the rest."),
            who=MANAGER,
            traits={Trait.READY},
        ),
        "export.ready_person": Sentence(_("Ready to be exported."), traits={Trait.READY}),
        "export.ready_person_without_points": Sentence(
            _("Ready to be exported, without points: WISEflow gives none, or its assessors differ."),
            todo=_("Export it so, or have the points given in WISEflow and read the grades again."),
            who=MANAGER,
            traits={Trait.READY},
        ),
        # %(cause)s is a message of its own, which fills in its own words
        "export.partly": Sentence(_("%(count)s of %(total)s exported so far. %(cause)s")),
        "export.of_code": Sentence("%(code)s: %(cause)s", "%(cause)s", "%(cause)s"),
        "export.held_back": Sentence(
            ngettext_lazy("%(count)s grade cannot be sent.", "%(count)s grades cannot be sent.", "count"),
            todo=_("Each participant's own reason stands beside the name."),
            who=MANAGER,
        ),
        "export.sending": Sentence(_("Sending %(percent)s %%."), traits={Trait.UNDER_WAY}),
        "export.reading_points": Sentence(READING_POINTS, traits={Trait.UNDER_WAY}),
        "export.collecting_points": Sentence(READING_POINTS, todo=_("The grades can be sent when that is done.")),
        "export.waiting": Sentence(_("Waiting to be sent."), traits={Trait.UNDER_WAY}),
        "export.done": Sentence(ngettext_lazy("%(count)s grade exported.", "%(count)s grades exported.", "count")),
        "export.done_but": Sentence(
            _("%(count)s of %(total)s exported; nothing to send for the others."),
            todo=_("Each participant's own reason stands beside the name."),
        ),
        "export.some_changed": Sentence(
            _("%(count)s of %(total)s grades were changed in WISEflow after they were exported."),
            _("The changes are not sent by themselves."),
            _("Correct the grades in Ladok, or send them again if the university allows that."),
            MANAGER,
            traits={Trait.CHANGED},
        ),
        "export.some_failed": Sentence(
            _("%(count)s of %(total)s grades were not exported."),
            todo=_("See each person's message, correct what it says, then press Retry."),
            who=MANAGER,
        ),
        "export.some_already": Sentence(
            ngettext_lazy(
                "%(count)s of %(total)s grades was not exported: Ladok says that it is there already.",
                "%(count)s of %(total)s grades were not exported: Ladok says that they are there already.",
                "count",
            ),
            todo=_(
                "Retrying cannot help. Look in Ladok; where the grade there is the right one, choose Mark as exported."
            ),
            who=MANAGER,
            traits={Trait.ALREADY_IN_LADOK, Trait.ONLY_TO_MARK},
        ),
        "export.some_failed_some_already": Sentence(
            _(
                "%(count)s of %(total)s grades were not exported; of %(there)s of them Ladok says that it has them already."
            ),
            todo=_(
                "Look in Ladok for those it has already, and choose Mark as exported where the grade there is the right one."
                " Correct what it says of the others, then choose Retry."
            ),
            who=MANAGER,
            traits={Trait.ALREADY_IN_LADOK},
        ),
        "export.some_unknown": Sentence(
            _("For %(count)s of %(total)s grades it is not known if Ladok registered them."),
            _("They may be in Ladok already."),
            FIND_OUT,
            MANAGER,
        ),
        "export.person_exported": Sentence(_("Exported."), traits={Trait.SAID_BY_STATE}),
        "export.person_failed": Sentence(_("Not exported.")),
        "export.person_unknown": Sentence(
            _("It is not known if Ladok registered the grade."),
            _("It may be in Ladok already."),
            FIND_OUT,
            MANAGER,
            traits={Trait.OUTCOME_UNKNOWN},
        ),
        # %(cause)s is why nobody knows, and %(why)s why it cannot be sent again: messages of their own
        "export.unknown_and_held": Sentence(
            "%(cause)s %(why)s",
            "%(cause)s %(why)s",
            _("Find out what is in Ladok, and say so."),
            MANAGER,
        ),
    }
)
