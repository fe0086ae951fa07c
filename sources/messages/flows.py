"""What is told of sources, of making flows and of synchronising them."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, MANAGER, OPERATOR, Sentence, Trait, register

# --- Making a flow ---------------------------------------------------------------------------------------------

register(
    {
        "sources.purged": Sentence(
            _("The flow's students, grades and answers have been emptied: they had been kept long enough."),
            _(
                "Nothing was changed. Counts and the audit log are here still; the grades are in Ladok, and the exam in WISEflow."
            ),
            who=LICENCE_ADMIN,
        ),
        "sources.unknown_source": Sentence(
            _("There is no source with the short name %(slug)s."), todo=_("Check how it is written."), who=OPERATOR
        ),
        "sources.unknown_manager": Sentence(
            _("%(email)s is not a member of %(source)s."),
            effect=_("Nothing was made."),
            todo=_("Check the e-mail address, or have the person added as a member in the administration."),
            who=LICENCE_ADMIN,
        ),
        "sources.not_a_member": Sentence(
            _("You are not a member of %(source)s."),
            todo=_("Ask your licence admin to add you."),
            who=LICENCE_ADMIN,
        ),
        "sources.person_without_identity": Sentence(
            _("%(email)s has no organisation id at %(source)s, and cannot be found in WISEflow without it."),
            effect=_("Nothing was made."),
            todo=_("Have the organisation id added to the membership in the administration."),
            who=LICENCE_ADMIN,
        ),
        "sources.no_code": Sentence(_("No exam code was given."), todo=_("Give at least one."), who=MANAGER),
        "sources.unknown_role": Sentence(
            _("%(role)s is not a role on a flow."),
            todo=_("Choose manager, assessor, reviewer, invigilator, head invigilator or author."),
            who=MANAGER,
        ),
        "sources.code_taken": Sentence(
            _("There is a flow for %(code)s already: %(title)s (flow %(flow)s)."),
            effect=_("Nothing was made."),
            todo=_("Use that flow. Otherwise take the code away from it, or let the flow go, first."),
            who=MANAGER,
        ),
        "sources.code_on_gone_flow": Sentence(
            _("%(code)s is on a flow that WISEflow does not have any more: %(title)s (flow %(flow)s)."),
            effect=_("Nothing was made."),
            todo=_("Open that flow and let it go. Then ask for the new one."),
            who=MANAGER,
        ),
        "sources.code_known_otherwise": Sentence(
            _("Ladok does not know the code %(code)s any more; %(known)s is on a flow: %(title)s (flow %(flow)s)."),
            effect=_("Nothing was made."),
            todo=_("Use that flow if it is the exam you mean. Otherwise check how the code is written."),
            who=MANAGER,
        ),
        "sources.flow_not_found": Sentence(_("There is no flow %(flow)s."), todo=_("Check the number."), who=MANAGER),
        "sources.unknown_flow_type": Sentence(
            _("WISEflow has no flow type %(name)s on this licence. It has: %(known)s."),
            effect=_("Nothing was made in WISEflow."),
            todo=_("Ask for the flow with one of these."),
            who=MANAGER,
        ),
        "sources.code_on_unmade_flow": Sentence(
            _("%(code)s is on a flow that has not been made in WISEflow: %(title)s (flow %(flow)s), of %(codes)s."),
            effect=_("Nothing was made."),
            todo=_("Open that flow, change its settings and try again; or ask for a flow of all its codes."),
            who=MANAGER,
        ),
        "sources.unknown_template": Sentence(
            _("WISEflow has no flow %(template)s to copy settings from (HTTP 404)."),
            effect=_("Nothing was made in WISEflow."),
            todo=_("Check the number of the template flow, and ask for the flow again with the right one or without."),
            who=MANAGER,
        ),
        "sources.template_forbidden": Sentence(
            _("WISEflow does not let the template flow %(template)s be copied (HTTP 403). %(detail)s"),
            effect=_("Nothing was made in WISEflow."),
            todo=_("Ask for the flow with another template or without; or see if our credential may read that one."),
            who=MANAGER,
        ),
        "sources.creation_forbidden": Sentence(
            _("WISEflow does not let our credential make a flow of the type %(type)s (HTTP 403). %(detail)s"),
            effect=_("Nothing was made in WISEflow."),
            todo=_("Ask UNIwise if the licence has that flow type, and if our credential may make flows."),
            who=LICENCE_ADMIN,
        ),
        "sources.no_organisation_type": Sentence(
            _("WISEflow's data type for the organisation id was not found on this licence."),
            effect=_("Nothing was made in WISEflow."),
            todo=_("Name it in the source's user data types in the administration."),
            who=LICENCE_ADMIN,
        ),
        "sources.creation_in_doubt": Sentence(
            _("WISEflow did not say whether the flow was made, and it could not be found there."),
            effect=_("It may still turn up in WISEflow."),
            todo=_("Wait a minute, then resume: it is looked for again before a new one is made."),
            who=MANAGER,
        ),
        "sources.creation_twin": Sentence(
            _("WISEflow has a flow that may be the one we were making when we were cut off (flow %(flows)s)."),
            effect=_("Nothing more was made, so that the exam does not get two flows."),
            todo=_("Look at it in WISEflow. If it is empty and nobody else's, delete it there. Then resume."),
            who=MANAGER,
        ),
        "sources.creation_left_over": Sentence(
            _("WISEflow has a second flow from an attempt that was cut off (flow %(flows)s)."),
            effect=_("It is empty, and LadokFlow does not use it."),
            todo=_("Delete it in WISEflow."),
            who=MANAGER,
        ),
        "sources.creation_gave_up": Sentence(
            _("The flow could not be finished: the work was cut off %(times)s times."),
            effect=_("What is done is kept, and nothing is made twice."),
            todo=_("Ask those who run LadokFlow to look at the log. Then resume."),
            who=OPERATOR,
        ),
        "sources.unexpected": Sentence(
            _("Something went wrong that LadokFlow did not foresee (reference %(reference)s)."),
            effect=_("What is done is kept. No grade has been sent."),
            todo=_("Try again. If it stays so, give the reference to those who run LadokFlow."),
            who=OPERATOR,
        ),
        "sources.reference_refused": Sentence(
            _("WISEflow did not accept the reference to %(code)s."),
            effect=_("The flow is made, but has no button in WISEflow that asks for a synchronisation."),
            todo=_("Ask UNIwise if the module for external sources is on for the licence."),
            who=LICENCE_ADMIN,
        ),
        "sources.answer_refused": Sentence(
            _("WISEflow could not be told that the synchronisation of %(code)s has ended."),
            effect=_("The flow itself is as it should be."),
            who=MANAGER,
        ),
        "sources.not_activated": Sentence(
            _("WISEflow did not activate the flow."),
            effect=_("Everything else is done. Students do not see the flow yet."),
            todo=_("Activate it in WISEflow."),
            who=MANAGER,
        ),
    }
)

# --- Synchronising ---------------------------------------------------------------------------------------------

register(
    {
        "sources.flow_not_ready": Sentence(
            _("The flow is not finished in WISEflow yet."),
            effect=_("Nothing is synchronised."),
            todo=_("Wait until it is, or resume its creation."),
            who=MANAGER,
        ),
        "sources.flow_gone": Sentence(
            _("WISEflow does not have the flow any more (HTTP 404)."),
            effect=_("Nothing was changed."),
            todo=_(
                "If it was deleted in WISEflow by mistake, have it restored there, and synchronise. Otherwise let the flow go: its code is "
                "free then."
            ),
            who=MANAGER,
            traits={Trait.GONE},
        ),
        "sources.flow_elsewhere": Sentence(
            _("The flow is in WISEflow at %(host)s, and the source's address of WISEflow leads elsewhere now."),
            effect=_("Nothing was read or changed: over there the flow's number may be that of another flow."),
            todo=_("Put the former address back, if the flow is still needed."),
            who=LICENCE_ADMIN,
        ),
        "sources.no_codes_left": Sentence(
            _("The flow has no Ladok code any more."), effect=_("Nothing is synchronised."), who=MANAGER
        ),
        "sources.marking_over": Sentence(_("Marking has ended: nothing is changed in WISEflow any more.")),
        "sources.sync_gave_up": Sentence(
            _("The synchronisation was cut off %(times)s times."),
            effect=_("What is done is kept; the next synchronisation goes on from there."),
            todo=_("Ask those who run LadokFlow to look at the log."),
            who=OPERATOR,
        ),
        "sources.brake_empty": Sentence(
            _("Ladok's list for %(code)s is empty. Last time it had %(before)s people."),
            effect=_("None of those who are missing has been touched."),
            todo=_("Look in Ladok. If it is right, confirm the synchronisation."),
            who=MANAGER,
            traits={Trait.BRAKE},
        ),
        "sources.brake_half": Sentence(
            _("Ladok's list for %(code)s has fallen from %(before)s people to %(now)s."),
            effect=_("None of those who are missing has been touched."),
            todo=_("Look in Ladok. If it is right, confirm the synchronisation."),
            who=MANAGER,
            traits={Trait.BRAKE},
        ),
        "sources.brake_gone": Sentence(
            _("%(count)s of %(people)s participants are not in Ladok any more."),
            effect=_("None of those who are missing has been touched."),
            todo=_("Look in Ladok. If it is right, confirm the synchronisation."),
            who=MANAGER,
            traits={Trait.BRAKE},
        ),
        "sources.brake_writing": Sentence(
            _(
                "%(count)s of %(people)s participants would be locked out while students write: Ladok no longer has them."
            ),
            effect=_("None of those who are missing has been touched."),
            todo=_("Look in Ladok. If it is right, confirm the synchronisation."),
            who=MANAGER,
            traits={Trait.BRAKE},
        ),
        "sources.no_dates": Sentence(
            _("Ladok has no dates for %(code)s."),
            effect=_("The flow gets WISEflow's usual dates, and dates are not synchronised."),
            todo=_("Set the dates in WISEflow."),
            who=MANAGER,
        ),
        "sources.dates_gone": Sentence(
            _("Ladok has no dates for %(code)s any more."),
            effect=_("The dates in WISEflow are kept."),
            todo=_("Look in Ladok."),
            who=MANAGER,
        ),
        "sources.deadline_before_end": Sentence(
            _("According to Ladok, marking of %(code)s is to be finished before the exam ends."),
            effect=_("Marking gets its usual length instead."),
            todo=_("Correct the date in Ladok, or set the end of marking in WISEflow."),
            who=MANAGER,
        ),
        "sources.dates_conflict": Sentence(
            _("Ladok's dates do not go together with the dates that have been changed by hand in WISEflow."),
            effect=_("The dates in WISEflow are kept."),
            todo=_("Change the dates in WISEflow."),
            who=MANAGER,
        ),
        "sources.unknown_scale": Sentence(
            _("Ladok's grading scale %(scale)s has no counterpart in WISEflow."),
            effect=_("The flow keeps the scale it has in WISEflow."),
            todo=_("Have the scale added to the source's grading scales in the administration, then synchronise."),
            who=LICENCE_ADMIN,
        ),
        "sources.scale_unmatched": Sentence(
            _("Ladok's grading scale %(scale)s has no counterpart in WISEflow."),
            effect=_("The flow is not made before somebody has chosen a scale for it."),
            todo=_(
                "Choose one in the settings, or have the scale added to the source's grading scales in the administration."
            ),
            who=MANAGER,
        ),
        "sources.scale_unchosen": Sentence(
            _("Ladok's grading scale %(scale)s has no counterpart in WISEflow, and nobody has chosen one."),
            effect=_("No flow has been made."),
            todo=_(
                "Choose a scale for it in the settings of the new flow, or have it added to the source's grading scales in the"
                " administration, then try again."
            ),
            who=MANAGER,
            traits={Trait.SCALE_UNCHOSEN},
        ),
        "sources.scale_option": Sentence(
            _("Write --scale as Ladok's scale, =, and WISEflow's."), effect=_("No flow has been made."), who=MANAGER
        ),
        "sources.scale_kept": Sentence(
            _("The grading scale should be %(scale)s, but there are grades already."),
            effect=_("The flow keeps the scale it has in WISEflow: another one would remove the grades."),
            who=MANAGER,
        ),
        "sources.scale_kept_in_marking": Sentence(
            _("The grading scale should be %(scale)s, but marking has begun, and a grade may have been given."),
            effect=_("The flow keeps the scale it has in WISEflow: another one would remove the grades."),
            todo=_(
                "If nobody has given a grade, choose the scale in WISEflow. Otherwise the preview of the export asks how the grades are"
                " to be sent."
            ),
            who=MANAGER,
        ),
        "sources.scale_changed_meanwhile": Sentence(
            _("The grading scale should be %(scale)s, but somebody has just chosen another one in WISEflow."),
            effect=_("The flow keeps the scale it has in WISEflow."),
            todo=_("Choose the right scale in WISEflow, or let it follow Ladok again on the flow's page."),
            who=MANAGER,
        ),
        "sources.scales_differ": Sentence(
            _("The exams have different grading scales in Ladok: %(scales)s."),
            effect=_("The first one is used."),
            todo=_("Check that the exams belong in one flow."),
            who=MANAGER,
        ),
        "sources.code_gone": Sentence(
            _("Ladok does not know the code %(code)s any more."),
            effect=_("Nobody has been touched."),
            todo=_("Look in Ladok. If the exam has another code now, or none, change the codes of the flow."),
            who=MANAGER,
            traits={Trait.ASKS},
        ),
        "sources.nobody_registered": Sentence(
            _("Nobody is registered for %(code)s in Ladok."),
            effect=_("The flow has no students from there yet; they come with a later synchronisation."),
            who=MANAGER,
        ),
        "sources.person_ambiguous": Sentence(
            _("The identifiers of %(name)s (%(organisation_id)s) belong to more than one user in WISEflow."),
            effect=_("The person does not come in."),
            todo=_("Have the users joined in WISEflow, then synchronise."),
            who=LICENCE_ADMIN,
        ),
        "sources.member_ambiguous": Sentence(
            _(
                "The identifiers that Ladok has of %(name)s (%(organisation_id)s) now belong to more than one user in WISEflow."
            ),
            effect=_("The person stays on the flow as before, and no user is changed."),
            todo=_("Have the users corrected or joined in WISEflow, then synchronise."),
            who=LICENCE_ADMIN,
        ),
        "sources.shared_national_id": Sentence(
            _("In Ladok these people have the same personal identity number: %(organisation_ids)s."),
            effect=_("The number is not used for any of them, so that WISEflow does not take them for one person."),
            todo=_("Have the number corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "sources.shared_student_number": Sentence(
            _("In Ladok these people have the same student number: %(organisation_ids)s."),
            effect=_("The number is not used for any of them, so that WISEflow does not take them for one person."),
            todo=_("Have the number corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "sources.shared_email": Sentence(
            _("In Ladok these people have the same e-mail address: %(organisation_ids)s."),
            effect=_("The address is not used for any of them, so that WISEflow does not take them for one person."),
            todo=_("Have the address corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "sources.same_user": Sentence(
            _("WISEflow takes %(name)s (%(organisation_id)s) for the user of %(other)s, who is in the flow already."),
            effect=_("The person does not come in."),
            todo=_("Have the users told apart in WISEflow, then synchronise."),
            who=LICENCE_ADMIN,
        ),
        "sources.other_user": Sentence(
            _("WISEflow saved what Ladok says of %(name)s (%(organisation_id)s) with another user."),
            effect=_("The participant's own user is as it was."),
            todo=_("Check both users in WISEflow."),
            who=LICENCE_ADMIN,
        ),
        "sources.email_of_other": Sentence(
            _(
                "%(name)s (%(organisation_id)s) has the same e-mail address in Ladok as another user in WISEflow, whose "
                "identifiers are not the same."
            ),
            effect=_("The person does not come in, and the other user is as it was."),
            todo=_(
                "Have the address corrected in Ladok or in WISEflow, then synchronise. See that the other user is not on the "
                "flow by mistake."
            ),
            who=LICENCE_ADMIN,
        ),
        "sources.email_of_other_stays": Sentence(
            _(
                "%(name)s (%(organisation_id)s) has the same e-mail address in Ladok as another user in WISEflow, whose "
                "identifiers are not the same."
            ),
            effect=_(
                "The person does not come in. WISEflow put the other user on the flow, and would not take them off."
            ),
            todo=_("Take the other user off the flow in WISEflow, and have the address corrected, then synchronise."),
            who=LICENCE_ADMIN,
        ),
        "sources.sync_still_open": Sentence(
            _("The synchronisation has not ended yet."),
            effect=_("It goes on; the flow's page shows how it ends."),
            who=MANAGER,
        ),
        "sources.person_refused": Sentence(
            _("WISEflow did not accept %(name)s (%(organisation_id)s): %(detail)s"),
            effect=_("The person does not come in."),
            todo=_("Correct what it says, then synchronise."),
            who=MANAGER,
        ),
        "sources.change_refused": Sentence(
            _("WISEflow did not make this change: %(change)s WISEflow says: %(detail)s"),
            effect=_("It is tried again at the next synchronisation."),
            who=MANAGER,
        ),
        "sources.staff_created": Sentence(
            _("%(name)s (%(organisation_id)s) was not a user in WISEflow and is made one."),
            todo=_("Check that the person can sign in to WISEflow with this organisation id."),
            who=LICENCE_ADMIN,
        ),
        "sources.room_awaited": Sentence(
            _("The room %(room)s is being made for another flow at the moment."),
            effect=_("It is not booked for this flow yet. That is done at the next synchronisation."),
            who=MANAGER,
        ),
        "sources.rooms_unavailable": Sentence(
            _("WISEflow's rooms could not be read: %(detail)s"),
            effect=_("No room is booked."),
            todo=_("Ask UNIwise if the module for rooms is on for the licence."),
            who=LICENCE_ADMIN,
        ),
    }
)

# --- The audit log -------------------------------------------------------------------------------------------------

register(
    {
        "sources.audit.flow_requested": Sentence(_("Asked for a flow for %(codes)s.")),
        "sources.audit.flow_requested_anew": Sentence(
            _("Asked for the flow again, for %(codes)s: nothing of it had been made in WISEflow.")
        ),
        "sources.audit.flow_resumed": Sentence(_("Resumed the creation of the flow.")),
        "sources.audit.flow_created": Sentence(_("The flow was made in WISEflow (flow %(wiseflow)s).")),
        "sources.audit.sync_requested": Sentence(_("Asked for a synchronisation.")),
        "sources.audit.sync_confirmed": Sentence(_("Confirmed a synchronisation that had asked.")),
        "sources.audit.synced": Sentence(
            _(
                "Synchronised: %(added)s added, %(updated)s changed, %(removed)s removed, %(deactivated)s deactivated, "
                "%(unchanged)s unchanged."
            )
        ),
        "sources.audit.sync_asks": Sentence(
            _(
                "Synchronised, and asked about those who would go: %(added)s added, %(updated)s changed, %(removed)s removed, "
                "%(deactivated)s deactivated, %(unchanged)s unchanged."
            )
        ),
        "sources.audit.sync_failed": Sentence(_("The synchronisation failed.")),
        "sources.audit.source_loaded": Sentence(_("The source was loaded from a file.")),
        "sources.audit.credential_left_behind": Sentence(
            _(
                "The %(system)s credential “%(label)s” was disabled: the address led to %(former)s and leads to %(host)s now."
            )
        ),
        "sources.audit.flows_left_behind": Sentence(
            _(
                "Flows left at the former host of WISEflow: %(count)s. The address led to %(former)s and leads to %(host)s now."
            )
        ),
        "sources.audit.webhook_left_behind": Sentence(
            _("The webhook was forgotten: the address of WISEflow led to %(former)s and leads to %(host)s now.")
        ),
        "sources.audit.credential_taken": Sentence(_("Put the %(system)s credential “%(label)s” in use.")),
        "sources.audit.credential_switched": Sentence(
            _("Switched the %(system)s credential from “%(former)s” to “%(label)s”.")
        ),
        "sources.audit.credential_back": Sentence(
            _("Went back from the %(system)s credential “%(label)s” to “%(former)s”.")
        ),
        "sources.audit.credential_added": Sentence(_("The %(system)s credential “%(label)s” was added from a file.")),
        "sources.audit.credential_changed": Sentence(
            _("The %(system)s credential “%(label)s” was changed from a file.")
        ),
    }
)
