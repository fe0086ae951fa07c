"""What is told when WISEflow says no, in words of its own. See also `errors.py` and `ladokflow/remote_answers.py`."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, MANAGER, WISEFLOW, Sentence, register

register(
    {
        "wiseflow.user_refused_unsaid": Sentence(
            _(
                "WISEflow refused the user (HTTP %(status)s), and does not say why. An identifier or the e-mail address may "
                "belong to another user there, or be written in a way that the licence does not take."
            ),
            todo=_(
                "Look the person up in WISEflow, by each identifier, and correct the user there or the person in Ladok."
            ),
            who=MANAGER,
        ),
        "wiseflow.two_grades": Sentence(
            _("WISEflow gives two different grades for participant %(participant)s of flow %(flow)s."),
            _("No grade of the flow has been collected."),
            _("Look at the participant in WISEflow, then collect the grades again."),
            MANAGER,
        ),
        "wiseflow.unexpected": Sentence(
            _("The answer from WISEflow could not be understood (%(detail)s)."),
            todo=_("Ask UNIwise if the API has changed. Trace id of the call: %(reference)s."),
            who=WISEFLOW,
        ),
        "wiseflow.endless": Sentence(
            _("WISEflow's list does not come to an end: it gives the same page again, or far too many of them."),
            todo=_("Try again in a while. If it stays so, ask UNIwise. Trace id of the call: %(reference)s."),
            who=WISEFLOW,
        ),
        "wiseflow.busy": Sentence(
            _(
                "WISEflow's limit for the number of requests is reached, and it asks us to wait for %(seconds)s seconds."
            ),
            todo=_("Wait that long, then try again. If it stays so, see if another system uses the same credential."),
            who=LICENCE_ADMIN,
        ),
    }
)
