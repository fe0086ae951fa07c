"""Why nothing may be exported now, and why a person is not sent: what the rules say."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LICENCE_ADMIN, MANAGER, Sentence, Trait, register
from sources.messages.permissions import NO_EXPORT_RIGHT

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
        "export.released": Sentence(
            _("The flow was let go."),
            _("Nothing more of it is sent to Ladok. What was exported is there still."),
            who=MANAGER,
            traits={Trait.ENDED},
        ),
        "export.adoption_unsaid": Sentence(
            _(
                "Nobody has said which grades were exported to Ladok before the flow was taken over, or since the backup that was restored."
            ),
            _("No grade of the flow is sent until it is said."),
            _("Say it on the page Exported before."),
            MANAGER,
        ),
        "export.marking_not_ended": Sentence(
            _("Marking has not ended."),
            _("Grades can be exported when it has."),
            _("End marking in WISEflow, or wait."),
            MANAGER,
            traits={Trait.MARKING_IS_ON},
        ),
        "export.marking_ends_at": Sentence(
            _("Marking ends %(at)s."),
            _("Grades can be exported when WISEflow has ended it."),
            who=MANAGER,
            traits={Trait.MARKING_IS_ON},
        ),
        "export.marking_should_have_ended": Sentence(
            _("Marking should have ended %(at)s, but WISEflow has not closed it yet."),
            _("Grades can be exported when WISEflow has ended it."),
            _("Wait a few minutes. If it stays open, end marking in WISEflow."),
            MANAGER,
            traits={Trait.MARKING_IS_ON},
        ),
        "export.ended": Sentence(
            _("The Ladok code was removed from the flow."),
            _("That ended the export: no grade of this flow is sent to Ladok any more."),
            traits={Trait.ENDED},
        ),
        "export.released_partly": Sentence(
            _("%(count)s of %(total)s grades were exported before the flow was let go."),
            _("No more of them are sent to Ladok from it."),
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
        "export.no_right": NO_EXPORT_RIGHT,
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
        "export.asked_by_itself": Sentence(
            _("No grade of the flow goes to Ladok by itself: who made it may not export here."),
            _("The grades wait until a manager sends them."),
            _("Change when the flow exports, or ask for the right for who made it."),
            MANAGER,
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
        "export.all_elsewhere": Sentence(
            ngettext_lazy(
                "%(count)s grade has been sent, or may have been, from another flow or for another account under the same Ladok code.",
                "%(count)s grades have been sent, or may have been, from another flow or for another account under the same Ladok code.",
                "count",
            ),
            _("Nothing was sent."),
            _("The preview of the export says when and from where, and lets you send them again if that is right."),
            MANAGER,
        ),
        "export.only_retry": Sentence(
            _("What is left failed before, and is not sent again by itself."),
            todo=_("See why, then press Retry."),
            who=MANAGER,
        ),
        "export.no_such_choice": Sentence(
            _("Nobody whose grade failed is on Ladok's list for %(code)s as well."), _("Nothing was sent."), who=MANAGER
        ),
        "export.choice_gone": Sentence(
            _("The grade of %(person)s can no longer go to the Ladok code that was chosen."),
            _("Nothing was sent."),
            _("Open Retry again, and choose once more."),
            MANAGER,
        ),
        "export.nothing_to_retry": Sentence(_("Nothing has failed: there is nothing to retry.")),
    }
)

# Why a manager is asked about the grades of a flow, or about its scale, before anything is sent
_LOOK = _("Nothing is sent from the flow before a manager has looked.")
_SAY = _(
    "Open the preview of the export: it shows what each grade may be. Say there how they are to be sent, or have them corrected"
    " in WISEflow and read the grades again."
)
register(
    {
        "export.grades_not_on_the_scale": Sentence(
            ngettext_lazy(
                "%(count)s grade is not on the flow's grading scale %(scale)s: %(grades)s.",
                "%(count)s grades are not on the flow's grading scale %(scale)s: %(grades)s.",
                "count",
            ),
            _LOOK,
            _SAY,
            MANAGER,
        ),
        "export.grades_ambiguous": Sentence(
            _(
                "On the grading scale %(scale)s each of %(grades)s may be two things: the grade, or the number by which WISEflow keeps"
                " another grade."
            ),
            _LOOK,
            _SAY,
            MANAGER,
        ),
        "export.alternatives_ambiguous": Sentence(
            _(
                "It is not known if the alternative grades %(grades)s are grades, or numbers by which WISEflow keeps other grades."
            ),
            _LOOK,
            _SAY,
            MANAGER,
        ),
        "export.grades_contradict": Sentence(
            _(
                "What WISEflow gives out as grades does not go together with what its audit trail says, or with how it has given out"
                " grades before (grading scale %(scale)s)."
            ),
            _LOOK,
            _SAY,
            MANAGER,
        ),
        "export.scale_unknown": Sentence(
            _("Which grading scale the flow has in WISEflow is not known."),
            _LOOK,
            _(
                "Open the preview of the export and read the grades again. If WISEflow has no scale for the flow, say there how they"
                " are to be sent."
            ),
            MANAGER,
        ),
        "export.scale_not_the_exams": Sentence(
            _("The flow's grading scale in WISEflow is %(scale)s, and the exam's in Ladok is %(ladok)s."),
            _LOOK,
            _(
                "Have the scale corrected in WISEflow while nobody is graded, or added to the source's grading scales in the"
                " administration, then synchronise. If the grades are right as they are, say so in the preview of the export."
            ),
            MANAGER,
        ),
        "export.look_changed": Sentence(
            _("The grades or the scale have changed since the page was shown."),
            _("Nothing was sent, and nothing was kept."),
            _("Look at what the flow holds now, and say it again."),
            MANAGER,
            traits={Trait.NOT_AS_SHOWN},
        ),
        "export.nothing_to_say": Sentence(
            _("The grades of this flow cannot be sent like that: it is clear which grades they are."),
            _("Nothing was sent."),
        ),
    }
)

# Why a person is not sent
register(
    {
        "export.not_graded": Sentence(_("No grade yet."), traits={Trait.NOT_GRADED}),
        "export.added_by_hand": Sentence(
            _("Added by hand in WISEflow, not from Ladok."),
            _("This university takes only grades of people from Ladok."),
            _("Register the grade in Ladok."),
            MANAGER,
        ),
        "export.code_removed": Sentence(
            _("The person's Ladok code was removed from the flow."), _("The grade is not sent."), who=MANAGER
        ),
        "export.not_listed": Sentence(
            _("The person is no longer on Ladok's list for %(code)s, since %(since)s."),
            _("The grade is not sent."),
            _("If the grade is to be in Ladok, have the person registered on the exam there, then synchronise."),
            MANAGER,
        ),
        "export.never_listed": Sentence(
            _("The person is not on Ladok's list for %(code)s."),
            _("The grade is not sent."),
            _("If the grade is to be in Ladok, have the person registered on the exam there, then synchronise."),
            MANAGER,
        ),
        # %(cause)s is a message of its own, which fills in its own words
        "export.in_doubt": Sentence(
            "%(cause)s",
            _("The grade is not sent, so that it does not reach the wrong person."),
            "%(cause)s",
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.who_is_it": Sentence(
            "%(cause)s",
            _("The grade is not sent, so that it does not reach the wrong person."),
            _(
                "Find out who it is, and say on the flow's page if it is the same person. If Ladok is wrong, have it corrected"
                " there, then synchronise."
            ),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.deactivated_by_hand": Sentence(
            _("The participant was deactivated by hand in WISEflow."),
            _("The grade is not sent."),
            _("If the grade is to be in Ladok, activate the participant in WISEflow, then synchronise and export."),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.identifier_shared": Sentence(
            _("Ladok knows this person and %(other)s by the same identifier."),
            _("The grade is not sent, so that none reaches the wrong person and none is registered twice."),
            _(
                "Remove the one who should not be on the flow, or correct the unique exam ids or organisation ids, then"
                " synchronise and export again."
            ),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.elsewhere": Sentence(
            _("The grade has been sent to Ladok from another flow, %(title)s (flow %(flow)s), %(at)s."),
            _("It is not sent a second time."),
            _(
                "If it is right in Ladok there is nothing to do. Otherwise say in the preview of the export that it is to be"
                " sent again."
            ),
            MANAGER,
            traits={Trait.SENT_ELSEWHERE},
        ),
        "export.elsewhere_other_grade": Sentence(
            _("Another grade, %(grade)s, has been sent to Ladok from another flow, %(title)s (flow %(flow)s), %(at)s."),
            _("This one is not sent by itself."),
            _(
                "Find out which of the two is right. Correct the grade in Ladok, or say in the preview of the export that this"
                " one is to be sent, too."
            ),
            MANAGER,
            traits={Trait.SENT_ELSEWHERE, Trait.MENDABLE},
        ),
        "export.elsewhere_unknown": Sentence(
            _(
                "Another flow, %(title)s (flow %(flow)s), has sent a grade of this person's %(at)s, and it is not known if Ladok"
                " registered it."
            ),
            _("The grade is not sent, so that none is registered twice."),
            _(
                "Settle it on that flow first: find out what is in Ladok. If the grade is not in Ladok, say in the preview"
                " of the export that it is to be sent."
            ),
            MANAGER,
            traits={Trait.SENT_ELSEWHERE, Trait.MENDABLE},
        ),
        "export.elsewhere_under_way": Sentence(
            _("Another flow, %(title)s (flow %(flow)s), is sending a grade of this person's, since %(at)s."),
            _("The grade is not sent meanwhile."),
            _("Wait until that export has ended, then look here again."),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.as_another": Sentence(
            _("Ladok knows this person as %(person)s, for whom the grade has been sent to Ladok, %(at)s."),
            _("It is not sent a second time."),
            _(
                "Look if it is one person with two accounts. If the grade is right in Ladok there is nothing to do. Otherwise say in"
                " the preview of the export that it is to be sent again."
            ),
            MANAGER,
            traits={Trait.SENT_ELSEWHERE},
        ),
        "export.as_another_other_grade": Sentence(
            _(
                "Ladok knows this person as %(person)s, for whom another grade, %(grade)s, has been sent to Ladok, %(at)s."
            ),
            _("This one is not sent by itself."),
            _(
                "Look if it is one person with two accounts, and which of the grades is right. Correct the grade in Ladok, or say in the"
                " preview of the export that this one is to be sent, too. If it is somebody else, have the identifiers corrected."
            ),
            MANAGER,
            traits={Trait.SENT_ELSEWHERE, Trait.MENDABLE},
        ),
        "export.as_another_unknown": Sentence(
            _(
                "Ladok knows this person as %(person)s, for whom a grade has been sent %(at)s, and it is not known if Ladok registered it."
            ),
            _("The grade is not sent, so that none is registered twice."),
            _(
                "Settle it for %(person)s first: find out what is in Ladok. If the grade is not in Ladok, say in the preview"
                " of the export that this one is to be sent."
            ),
            MANAGER,
            traits={Trait.SENT_ELSEWHERE, Trait.MENDABLE},
        ),
        "export.as_another_under_way": Sentence(
            _("Ladok knows this person as %(person)s, whose grade is being sent since %(at)s."),
            _("The grade is not sent meanwhile."),
            _("Wait until that export has ended, then look here again."),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.no_identifier": Sentence(
            _("Nothing that Ladok could know the person by has come in."),
            _("The grade is not sent."),
            _("Correct the person in Ladok or in WISEflow, then synchronise."),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.not_on_the_scale": Sentence(
            _("The grade %(grade)s is not on the flow's grading scale."),
            _("The grade is not sent."),
            _("Have it corrected in WISEflow, then collect the grades again."),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.points_unread": Sentence(
            _("WISEflow has not told the person's points yet."),
            _("The grade is not sent, so that it does not come to Ladok without them."),
            _(
                "Read the grades again, then export. If the points still do not come, look at the person's marking in WISEflow."
            ),
            MANAGER,
            traits={Trait.MENDABLE},
        ),
        "export.alternative_not_read": Sentence(
            _(
                "WISEflow gives out grades as it keeps them, and what the alternative grade %(grade)s stands for it does not tell."
            ),
            _("The grade is not sent."),
            _("Look at the grade in WISEflow, and register it in Ladok by hand."),
            MANAGER,
            traits={Trait.MENDABLE},
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
        "export.person_under_way": Sentence(_("Is being sent."), traits={Trait.UNDER_WAY}),
        "export.not_failed": Sentence(_("Has not failed."), traits={Trait.NOT_ASKED_FOR}),
        "export.not_changed": Sentence(_("Not changed since it was exported."), traits={Trait.NOT_ASKED_FOR}),
        "export.exported_already": Sentence(_("Exported already."), traits={Trait.EXPORTED, Trait.NOT_ASKED_FOR}),
        "export.changed_since": Sentence(
            _("Changed since export: %(exported)s is in Ladok, WISEflow now has %(now)s."),
            _("The change is not sent by itself."),
            _("Correct the grade in Ladok, or send it again if the university allows that."),
            MANAGER,
            traits={Trait.EXPORTED, Trait.CHANGED},
        ),
        "export.withdrawn_since": Sentence(
            _("Taken away since export: %(exported)s is in Ladok, WISEflow has no grade now."),
            _("Ladok is not told by itself."),
            _("Correct the grade in Ladok, or have one given in WISEflow."),
            MANAGER,
            traits={Trait.EXPORTED, Trait.CHANGED},
        ),
        "export.points_changed_since": Sentence(
            _("The points were changed since export: %(exported)s in Ladok, %(now)s in WISEflow now."),
            _("The change is not sent by itself."),
            _("Correct the points in Ladok, or send them again if the university allows that."),
            MANAGER,
            traits={Trait.EXPORTED, Trait.CHANGED},
        ),
        "export.alternative_since": Sentence(
            _("Since export the same grade, %(exported)s, was given as an alternative grade in WISEflow."),
            _("The change is not sent by itself."),
            _("Send it again if it has to be known in Ladok as that, and the university allows it."),
            MANAGER,
            traits={Trait.EXPORTED, Trait.CHANGED},
        ),
        "export.alternative_locked": Sentence(
            _("An alternative grade has been exported, and is locked: Ladok keeps the exported one."),
            todo=_("Correct the grade in Ladok if it is wrong."),
            who=MANAGER,
            traits={Trait.EXPORTED},
        ),
        "export.waits_for_retry": Sentence(
            _("Failed before."),
            _("Is not sent again by itself."),
            _("Press Retry."),
            MANAGER,
            traits={Trait.WAITS_FOR_RETRY},
        ),
        "export.there_already": Sentence(
            _("Ladok says that the grade is there already."),
            _("Is not sent again."),
            _("Look in Ladok; where the grade there is the right one, choose Mark as exported."),
            MANAGER,
            traits={Trait.ALREADY_IN_LADOK},
        ),
    }
)
