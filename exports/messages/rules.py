"""What is told about grades on their way to Ladok. The sentences of Ladok's answer stand in `answer_messages.py`."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LICENCE_ADMIN, MANAGER, OPERATOR, Sentence, register

# Why nothing may be exported now
register(
    {
        "export.no_flow": Sentence(_("There is no flow %(flow)s for %(email)s.")),
        "export.not_created": Sentence(
            _("The flow has not been created in WISEflow yet."),
            todo=_("Wait until it is, or resume its creation."),
            who=MANAGER,
        ),
        "export.not_synced": Sentence(
            _("Not synchronised with Ladok yet."),
            _("Grades can be exported only after a successful synchronisation."),
            _("Synchronise the flow."),
            MANAGER,
        ),
        "export.marking_not_ended": Sentence(
            _("Marking has not ended."),
            _("Grades can be exported when it has."),
            _("End marking in WISEflow, or wait."),
            MANAGER,
        ),
        "export.marking_ends_at": Sentence(
            _("Marking ends %(at)s."), _("Grades can be exported when WISEflow has ended it."), who=MANAGER
        ),
        "export.marking_should_have_ended": Sentence(
            _("Marking should have ended %(at)s, but WISEflow has not closed it yet."),
            _("Grades can be exported when WISEflow has ended it."),
            _("Wait a few minutes. If it stays open, end marking in WISEflow."),
            MANAGER,
        ),
        "export.ended": Sentence(
            _("The Ladok code was removed from the flow."),
            _("That ended the export: no grade of this flow is sent to Ladok any more."),
        ),
        "export.ended_partly": Sentence(
            _("%(count)s of %(total)s grades were exported before the Ladok code was removed from the flow."),
            _("That ended the export: no grade of this flow is sent to Ladok any more."),
        ),
        "export.under_way": Sentence(
            _("An export of this flow is under way already."),
            _("Nothing is sent a second time."),
            _("Wait for it to end."),
            MANAGER,
        ),
        "export.no_right": Sentence(
            _("This university lets only managers with the export right send grades, and you do not have it."),
            _("Nothing was sent."),
            _("Ask a manager who has the right, or ask for it to be given to you."),
            LICENCE_ADMIN,
        ),
        "export.sender_without_id": Sentence(
            _("Your organisation id is not known, and this university wants to know who sends the grades."),
            _("Nothing was sent."),
            _("Have it added to your membership in the administration."),
            LICENCE_ADMIN,
        ),
        "export.not_by_itself": Sentence(
            _(
                "No grade of this flow goes to Ladok by itself: %(maker)s, in whose name it would go, may not export here."
            ),
            _("The grades wait until a manager sends them."),
            _(
                "Have a manager with the export right press Export when marking has ended, or ask for the right and an"
                " organisation id for %(maker)s."
            ),
            LICENCE_ADMIN,
        ),
        "export.no_overwriting": Sentence(
            _("Ladok at this university does not accept a changed grade for one that it has registered already."),
            _("Nothing was sent."),
            _("Correct the grade in Ladok."),
            MANAGER,
        ),
        "export.nothing_to_send": Sentence(
            _("There is nothing to send."),
            todo=_("Each participant's own reason stands beside the name."),
            who=MANAGER,
        ),
        "export.all_exported": Sentence(_("All grades are in Ladok already."), _("Nothing was sent a second time.")),
        "export.only_retry": Sentence(
            _("What is left failed before, and is not sent again by itself."),
            todo=_("See why, then press Retry."),
            who=MANAGER,
        ),
        "export.nothing_to_retry": Sentence(_("Nothing has failed: there is nothing to retry.")),
    }
)

# Why a person is not sent
register(
    {
        "export.not_graded": Sentence(_("No grade yet.")),
        "export.added_by_hand": Sentence(
            _("Added by hand in WISEflow, not from Ladok."),
            _("This university takes only grades of people from Ladok."),
            _("Register the grade in Ladok."),
            MANAGER,
        ),
        "export.code_removed": Sentence(
            _("The person's Ladok code was removed from the flow."), _("The grade is not sent."), who=MANAGER
        ),
        "export.deactivated": Sentence(
            _("The person is no longer on the exam in Ladok, and was deactivated in WISEflow."),
            _("The grade is not sent."),
            _("Register the person on the exam in Ladok and activate the participant in WISEflow, then synchronise."),
            MANAGER,
        ),
        "export.deactivated_by_hand": Sentence(
            _("The participant was deactivated by hand in WISEflow."),
            _("The grade is not sent."),
            _("If the grade is to be in Ladok, activate the participant in WISEflow, then synchronise and export."),
            MANAGER,
        ),
        "export.identifier_shared": Sentence(
            _("Ladok knows this person and %(other)s by the same identifier."),
            _("The grade is not sent, so that none reaches the wrong person and none is registered twice."),
            _(
                "Remove the one who should not be on the flow, or correct the unique exam ids or organisation ids, then"
                " synchronise and export again."
            ),
            MANAGER,
        ),
        "export.no_identifier": Sentence(
            _("Nothing that Ladok could know the person by has come in."),
            _("The grade is not sent."),
            _("Correct the person in Ladok or in WISEflow, then synchronise."),
            MANAGER,
        ),
        "export.not_on_the_scale": Sentence(
            _("The grade %(grade)s is not on the flow's grading scale."),
            _("The grade is not sent."),
            _("Have it corrected in WISEflow, then collect the grades again."),
            MANAGER,
        ),
        "export.alternative_waits": Sentence(
            _("An alternative grade is not sent by instant export."),
            todo=_("Export it when marking has ended."),
            who=MANAGER,
        ),
        "export.waits_for_reviewer": Sentence(
            _("No reviewer has approved the grade yet, as far as WISEflow tells."),
            _("Instant export sends it when one has."),
            _("Have it approved in WISEflow, or export it when marking has ended."),
            MANAGER,
        ),
        "export.person_under_way": Sentence(_("Is being sent.")),
        "export.not_failed": Sentence(_("Has not failed.")),
        "export.not_changed": Sentence(_("Not changed since it was exported.")),
        "export.exported_already": Sentence(_("Exported already.")),
        "export.changed_since": Sentence(
            _("Changed since export: %(exported)s is in Ladok, WISEflow now has %(now)s."),
            _("The change is not sent by itself."),
            _("Correct the grade in Ladok, or send it again if the university allows that."),
            MANAGER,
        ),
        "export.withdrawn_since": Sentence(
            _("Taken away since export: %(exported)s is in Ladok, WISEflow has no grade now."),
            _("Ladok is not told by itself."),
            _("Correct the grade in Ladok, or have one given in WISEflow."),
            MANAGER,
        ),
        "export.points_changed_since": Sentence(
            _("The points were changed since export: %(exported)s in Ladok, %(now)s in WISEflow now."),
            _("The change is not sent by itself."),
            _("Correct the points in Ladok, or send them again if the university allows that."),
            MANAGER,
        ),
        "export.alternative_since": Sentence(
            _("Since export the same grade, %(exported)s, was given as an alternative grade in WISEflow."),
            _("The change is not sent by itself."),
            _("Send it again if it has to be known in Ladok as that, and the university allows it."),
            MANAGER,
        ),
        "export.alternative_locked": Sentence(
            _("An alternative grade has been exported, and is locked: Ladok keeps the exported one."),
            todo=_("Correct the grade in Ladok if it is wrong."),
            who=MANAGER,
        ),
        "export.waits_for_retry": Sentence(
            _("Failed before."), _("Is not sent again by itself."), _("Press Retry."), MANAGER
        ),
    }
)

# What a flow and its participants show
register(
    {
        "export.not_collected": Sentence(
            _("Marking has ended, but the grades have not been read from WISEflow."),
            todo=_("Collect the grades."),
            who=MANAGER,
        ),
        "export.some_not_graded": Sentence(_("%(count)s of %(total)s not graded.")),
        "export.no_participants": Sentence(_("The flow has no participants.")),
        "export.ready": Sentence(
            ngettext_lazy(
                "%(count)s grade is ready to be exported.", "%(count)s grades are ready to be exported.", "count"
            ),
            todo=_("Press Export."),
            who=MANAGER,
        ),
        "export.ready_but": Sentence(
            _("%(count)s of %(total)s not graded; the other grades (%(ready)s) are ready to be exported."),
            todo=_("Press Export, or wait for the rest."),
            who=MANAGER,
        ),
        "export.ready_person": Sentence(_("Ready to be exported.")),
        # %(cause)s is a message of its own, which fills in its own words
        "export.partly": Sentence(_("%(count)s of %(total)s exported so far. %(cause)s")),
        "export.of_code": Sentence("%(code)s: %(cause)s", "%(cause)s", "%(cause)s"),
        "export.held_back": Sentence(
            ngettext_lazy("%(count)s grade cannot be sent.", "%(count)s grades cannot be sent.", "count"),
            todo=_("Each participant's own reason stands beside the name."),
            who=MANAGER,
        ),
        "export.sending": Sentence(_("Sending %(percent)s %%.")),
        "export.waiting": Sentence(_("Waiting to be sent.")),
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
        ),
        "export.some_failed": Sentence(
            _("%(count)s of %(total)s grades were not exported."),
            todo=_("See each person's message, correct what it says, then press Retry."),
            who=MANAGER,
        ),
        "export.some_unknown": Sentence(
            _("For %(count)s of %(total)s grades it is not known if Ladok registered them."),
            _("They may be in Ladok already."),
            _("Check with Ladok first, or look there; then Retry or Mark as exported."),
            MANAGER,
        ),
        "export.person_exported": Sentence(_("Exported.")),
        "export.person_failed": Sentence(_("Not exported.")),
        "export.person_unknown": Sentence(
            _("It is not known if Ladok registered the grade."),
            _("It may be in Ladok already."),
            _("Check with Ladok first, or look there; then Retry or Mark as exported."),
            MANAGER,
        ),
    }
)

# What came of an attempt, besides Ladok's answer
register(
    {
        "attempt.queued": Sentence(_("Waiting to be sent.")),
        "attempt.preparing": Sentence(_("Being prepared.")),
        "attempt.sending": Sentence(_("Being sent to Ladok.")),
        "attempt.not_prepared": Sentence(
            _("The export could not be prepared: the worker stopped %(claims)s times before anything was sent."),
            _("Nothing was sent."),
            _("Press Retry. If it happens again, tell those who run LadokFlow."),
            OPERATOR,
        ),
        "attempt.fault": Sentence(
            _("The export could not be prepared because of a fault in LadokFlow."),
            _("Nothing was sent."),
            _("Tell those who run LadokFlow, with the id of the attempt."),
            OPERATOR,
        ),
        # %(cause)s is a message of its own, which fills in its own words
        "attempt.remote": Sentence("%(cause)s", _("Nothing was sent to Ladok."), "%(cause)s", MANAGER),
        "attempt.grades_changed": Sentence(
            ngettext_lazy(
                "%(count)s grade was changed in WISEflow after the export was started.",
                "%(count)s grades were changed in WISEflow after the export was started.",
                "count",
            ),
            _("Nothing was sent."),
            _("Look at the grades, then press Retry: the new ones are sent."),
            MANAGER,
        ),
        "attempt.grade_changed": Sentence(
            _("The grade was changed in WISEflow after the export was started: %(now)s instead of %(was)s."),
            _("Nothing was sent."),
            _("Look at the grade, then press Retry: the new one is sent."),
            MANAGER,
        ),
        "attempt.only_points_changed": Sentence(
            ngettext_lazy(
                "The points of %(count)s person were changed in WISEflow after the export was started.",
                "The points of %(count)s people were changed in WISEflow after the export was started.",
                "count",
            ),
            _("Nothing was sent."),
            _("Look at the points, then press Retry: the new ones are sent."),
            MANAGER,
        ),
        "attempt.points_changed": Sentence(
            _("The points were changed in WISEflow after the export was started: %(now)s instead of %(was)s."),
            _("Nothing was sent."),
            _("Look at the points, then press Retry: the new ones are sent."),
            MANAGER,
        ),
        "attempt.grade_gone": Sentence(
            _("The grade was taken away in WISEflow after the export was started."),
            _("Nothing was sent."),
            _("Press Retry when there is a grade again."),
            MANAGER,
        ),
        "attempt.approval_gone": Sentence(
            _("No reviewer's approval of the grade is to be seen in WISEflow any more."),
            _("Nothing was sent."),
            _("Press Retry when the grade has been approved, or when marking has ended."),
            MANAGER,
        ),
        "attempt.marking_reopened": Sentence(
            _("Marking was opened again in WISEflow after the export was started."),
            _("Nothing was sent."),
            _("Press Retry when marking has ended."),
            MANAGER,
        ),
        "attempt.code_removed": Sentence(
            _("The Ladok code was removed from the flow after the export was started."), _("Nothing was sent.")
        ),
        "attempt.right_gone": Sentence(
            _("Whoever started the export no longer has the export right at this university."),
            _("Nothing was sent."),
            _("A manager who has the right can press Retry."),
            MANAGER,
        ),
        "attempt.identifier_changed": Sentence(
            _("What Ladok knows the person by was corrected after the export was started."),
            _("Nothing was sent."),
            _("Press Retry: the grade is sent under what is right now."),
            MANAGER,
        ),
        "attempt.people_changed": Sentence(
            ngettext_lazy(
                "%(count)s person may no longer be sent since the export was started.",
                "%(count)s people may no longer be sent since the export was started.",
                "count",
            ),
            _("Nothing was sent."),
            _("See each person's message, then press Retry: only those who may be sent are."),
            MANAGER,
        ),
        # %(cause)s is why: a message of its own
        "attempt.retry_not_sent": Sentence(
            _("The retry was not sent. %(cause)s"),
            _("The earlier sending may still be in Ladok."),
            _("Check with Ladok first, or look there; then Retry or Mark as exported."),
            MANAGER,
        ),
        "attempt.retry_refused": Sentence(
            _("The retry was refused. %(cause)s"),
            _("The earlier sending may still be in Ladok."),
            _("Check with Ladok first, or look there; then Retry or Mark as exported."),
            MANAGER,
        ),
        "attempt.not_sent_with_it": Sentence(
            _("Nothing was sent."), todo=_("Press Retry when the others are right."), who=MANAGER
        ),
        "attempt.too_late": Sentence(
            _("The worker was held up between preparing and sending."),
            _("Nothing was sent."),
            _("Press Retry."),
            MANAGER,
        ),
        "attempt.worker_died": Sentence(
            _("The worker stopped while it was sending, so Ladok's answer was never read."),
            _("The grades may be in Ladok already."),
            _("Check with Ladok first, or look there; then Retry or Mark as exported."),
            MANAGER,
        ),
        "attempt.interrupted": Sentence(
            _("The sending was interrupted before Ladok's answer had been read."),
            _("The grades may be in Ladok already."),
            _("Check with Ladok first, or look there; then Retry or Mark as exported."),
            MANAGER,
        ),
    }
)

# Checking with Ladok, and a manager's word
register(
    {
        "settle.cannot_read_back": Sentence(
            _("Ladok at this university cannot be asked which grades it has registered."),
            todo=_("Look in Ladok, then Retry or Mark as exported."),
            who=MANAGER,
        ),
        "settle.nothing_unknown": Sentence(_("No outcome is unknown: there is nothing to check.")),
        "settle.registered": Sentence(_("Ladok was asked, and has registered the grade.")),
        "settle.not_registered": Sentence(
            _("Ladok was asked, and has not registered the grade."),
            _("It was not exported."),
            _("Press Retry."),
            MANAGER,
        ),
        "settle.other_grade": Sentence(
            _("Ladok was asked, and has registered %(found)s for the person, not %(sent)s."),
            _("The grade that was sent is not in Ladok."),
            _("Find out which of the two is right before you press Retry."),
            MANAGER,
        ),
        "settle.other_points": Sentence(
            _("Ladok was asked, and has registered the grade with %(found)s points, not %(sent)s."),
            _("The points that were sent are not in Ladok."),
            _("Find out which of the two is right before you press Retry."),
            MANAGER,
        ),
        "settle.too_early": Sentence(
            _("Ladok has not registered the grade yet, but may still be working on it."),
            _("It is not known if it will be registered."),
            _("Check with Ladok again in a minute."),
            MANAGER,
        ),
        "settle.reason_missing": Sentence(
            _("Say how you know that the grade is in Ladok."), _("Nothing was changed."), who=MANAGER
        ),
        "settle.not_open": Sentence(
            _("This grade cannot be marked as exported: it is neither failed nor unknown any more."),
            _("Nothing was changed."),
        ),
        "settle.attempt": Sentence(
            _(
                "%(exported)s of %(total)s grades exported, %(failed)s failed, %(unknown)s unknown, after Ladok was looked into."
            ),
            todo=_("See what stands beside each person."),
            who=MANAGER,
        ),
        "settle.attempt_in_doubt": Sentence(
            _(
                "%(exported)s of %(total)s grades exported, %(failed)s failed, %(unknown)s unknown, after Ladok was looked into."
            ),
            _("The unknown ones may be in Ladok already."),
            _("Check with Ladok first, or look there; then Retry or Mark as exported."),
            MANAGER,
        ),
        "settle.marked": Sentence(_("Marked as exported by hand: %(reason)s")),
    }
)

# The audit log
register(
    {
        "audit.export_started": Sentence(_("Started an export of %(count)s grades (%(code)s).")),
        "audit.export_retried": Sentence(
            _("Retried the export of %(count)s grades (%(code)s), %(unknown)s of them with unknown outcome.")
        ),
        "audit.export_claimed": Sentence(_("A worker took the export.")),
        "audit.export_sending": Sentence(_("The export is being sent to Ladok.")),
        "audit.export_recorded": Sentence(
            _(
                "The export ended: %(exported)s exported, %(failed)s failed, %(unknown)s unknown (HTTP status %(status)s)."
            )
        ),
        "audit.export_failed": Sentence(_("The export ended before anything was sent.")),
        "audit.export_put_back": Sentence(_("The worker stopped before anything was sent: the export waits again.")),
        "audit.export_lost": Sentence(_("The worker stopped while sending: the outcome is unknown.")),
        "audit.late_answer": Sentence(
            _(
                "Ladok's answer came after the outcome had been taken for unknown: %(exported)s exported, %(failed)s failed."
            )
        ),
        "audit.late_answer_superseded": Sentence(
            _("Ladok's answer came after %(count)s of the grades had been sent again: they may be registered twice.")
        ),
        "audit.read_back": Sentence(
            _("Checked with Ladok: %(exported)s exported, %(failed)s failed, %(unknown)s still unknown.")
        ),
        "audit.marked_as_exported": Sentence(_("Marked %(person)s as exported: %(reason)s")),
    }
)
