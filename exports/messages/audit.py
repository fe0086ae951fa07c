"""What the audit log says of exports."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import Sentence, Trait, register

register(
    {
        "audit.export_started": Sentence(
            _("Started an export of %(count)s grades (%(code)s)."), traits={Trait.STEP_ASKED}
        ),
        "audit.export_ordered": Sentence(_("Asked for an export."), traits={Trait.STEP_ASKED}),
        "audit.export_retried": Sentence(
            _("Retried the export of %(count)s grades (%(code)s), %(unknown)s of them with unknown outcome."),
            traits={Trait.STEP_ASKED},
        ),
        "audit.last_list_used": Sentence(
            _("%(code)s: sent with Ladok's list as it was last known, because it could not be read.")
        ),
        "audit.sent_again": Sentence(
            _(
                "%(code)s: %(count)s of the grades are sent although they have been sent from another flow or for another account, or"
                " may have been."
            )
        ),
        "audit.grades_given_out_shown": Sentence(_("Found out that WISEflow gives out grades as they are shown.")),
        "audit.grades_given_out_stored": Sentence(_("Found out that WISEflow gives out grades as they are stored.")),
        "audit.said_shown": Sentence(_("Said that the grades are to be sent as they stand: %(grades)s.")),
        "audit.said_stored": Sentence(_("Said that the grades are to be sent as stored ones: %(grades)s.")),
        "audit.export_claimed": Sentence(_("A worker took the export."), traits={Trait.STEP_SENT}),
        "audit.export_reading": Sentence(_("Began to read the points of %(count)s people."), traits={Trait.STEP_SENT}),
        "audit.export_sending": Sentence(_("The export is being sent to Ladok."), traits={Trait.STEP_SENT}),
        "audit.export_recorded": Sentence(
            _(
                "The export ended: %(exported)s exported, %(failed)s failed, %(unknown)s unknown (HTTP status %(status)s)."
            ),
            traits={Trait.STEP_ENDED},
        ),
        "audit.export_failed": Sentence(_("The export ended before anything was sent."), traits={Trait.STEP_ENDED}),
        "audit.export_put_back": Sentence(_("The worker stopped before anything was sent: the export waits again.")),
        "audit.export_lost": Sentence(
            _("The worker stopped while sending: the outcome is unknown."), traits={Trait.STEP_ENDED}
        ),
        "audit.held_after_restore": Sentence(
            _(
                "A backup was restored: nothing is sent before it is said which grades are in Ladok. Unknown outcomes by that: %(count)s."
            )
        ),
        "audit.late_answer": Sentence(
            _(
                "Ladok's answer came after the outcome had been taken for unknown: %(exported)s exported, %(failed)s failed."
            )
        ),
        "audit.late_answer_superseded": Sentence(
            _("Ladok's answer came after %(count)s of the grades had been sent again: they may be registered twice.")
        ),
        "audit.late_answer_overrules": Sentence(
            _(
                "Ladok's answer came after %(count)s of the grades had been taken for exported, and says that it rejected them."
            )
        ),
        "audit.read_back": Sentence(
            _("Checked with Ladok: %(exported)s exported, %(failed)s failed, %(unknown)s still unknown."),
            traits={Trait.STEP_SETTLED},
        ),
        "audit.found_twice": Sentence(_("Found out that %(count)s of the grades are in Ladok twice.")),
        "audit.twice_corrected": Sentence(
            _("%(person)s, in Ladok twice: corrected there. %(reason)s"),
            traits={Trait.STEP_HANDLED, Trait.NAMES_STUDENT},
        ),
        "audit.late_seen": Sentence(
            _("%(person)s: has seen what was found out late."), traits={Trait.STEP_HANDLED, Trait.NAMES_STUDENT}
        ),
        "audit.marked_as_exported": Sentence(
            _("Marked %(person)s as exported: %(reason)s"), traits={Trait.STEP_SETTLED, Trait.NAMES_STUDENT}
        ),
        "audit.mark_taken_back": Sentence(
            _("Took back that %(person)s was marked as exported."), traits={Trait.NAMES_STUDENT}
        ),
        "audit.marked_as_absent": Sentence(
            _("Marked %(person)s as not in Ladok: %(reason)s"), traits={Trait.STEP_SETTLED, Trait.NAMES_STUDENT}
        ),
        "audit.purged": Sentence(
            ngettext_lazy(
                "Emptied %(count)s student: kept long enough.", "Emptied %(count)s students: kept long enough.", "count"
            )
        ),
        "audit.absence_taken_back": Sentence(
            _("Took back that %(person)s was marked as not in Ladok."), traits={Trait.NAMES_STUDENT}
        ),
    }
)
