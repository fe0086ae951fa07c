"""What is told of those who work with a flow: who WISEflow does not know, and who is a student of the exam."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LICENCE_ADMIN, MANAGER, OPERATOR, Sentence, Trait, register

register(
    {
        "sources.staff_not_found": Sentence(
            _("Not found in WISEflow, or more than one user has the organisation id: %(people)s."),
            effect=_("Nothing was made in WISEflow."),
            todo=_(
                "Change the settings and try again: you are asked about each of them, and can correct the organisation id, leave the "
                "person out, or have an account made."
            ),
            who=MANAGER,
        ),
        "sources.staff_not_found_here": Sentence(
            _("Not found in WISEflow, or more than one user has the organisation id: %(people)s."),
            effect=_("Nothing was made."),
            todo=_("Correct the organisation id, or allow the account with --new-user."),
            who=OPERATOR,
        ),
        "sources.new_user_is_nobody": Sentence(
            _("%(people)s is to have no role on the flow."),
            effect=_("Nothing was made."),
            todo=_("Give --new-user with the organisation id of the manager's membership, or leave it out."),
            who=OPERATOR,
        ),
        "sources.staff_unknown": Sentence(
            _("WISEflow has no user %(who)s, who is to work with the flow."),
            effect=_("The person does not come onto the flow, and no account is made."),
            todo=_(
                "Open “People who work with the flow” on the flow's page: correct the organisation id, leave the person out, or have "
                "an account made."
            ),
            who=MANAGER,
            traits={Trait.QUESTION},
        ),
        "sources.staff_ambiguous": Sentence(
            _("WISEflow has more than one user with the organisation id of %(who)s, who is to work with the flow."),
            effect=_("The person does not come onto the flow."),
            todo=_("Have the users joined in WISEflow, or write the organisation id as the right one has it there."),
            who=LICENCE_ADMIN,
            traits={Trait.QUESTION},
        ),
        "sources.staff_is_student": Sentence(
            _("%(who)s works with the flow and is a student of the exam."),
            effect=_("The person may see the exam beforehand, or the answers and grades of the others."),
            todo=_("Take the person off one of the two: as staff in WISEflow, or as a student in Ladok."),
            who=MANAGER,
            traits={Trait.IS_STUDENT},
        ),
        "sources.named_is_student": Sentence(
            _("According to Ladok %(who)s is a student of %(codes)s."),
            effect=_("The person may see the exam beforehand, or the answers and grades of the others."),
            todo=_("Take the person out of the settings. If it is to be so, send the settings once more as they are."),
            who=MANAGER,
            traits={Trait.IS_STUDENT},
        ),
        "sources.maker_is_student": Sentence(
            _("According to Ladok you are a student of %(code)s yourself."),
            effect=_(
                "As a manager of the flow you would see the exam beforehand, and the answers and grades of the others."
            ),
            todo=_("Let somebody else make the flow, or have the registration corrected in Ladok."),
            who=MANAGER,
        ),
        "sources.staff_answered_already": Sentence(
            _("The people who work with the flow are others now than those you were asked about."),
            effect=_("Nothing was changed."),
            todo=_("Look at the page again, and answer what it asks now."),
            who=MANAGER,
        ),
        "sources.audit.staff_answered": Sentence(
            ngettext_lazy(
                "Said what is to be done about %(count)s person whom WISEflow does not know: %(people)s.",
                "Said what is to be done about %(count)s people whom WISEflow does not know: %(people)s.",
                "count",
            )
        ),
        "sources.audit.account_made": Sentence(_("%(who)s was made a user in WISEflow.")),
        "sources.audit.accounts_confirmed": Sentence(
            _("Confirmed that it is right that these were made users in WISEflow: %(people)s.")
        ),
    }
)
