"""What came out about grades when everybody had gone on."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "finding.asked": Sentence(
            _("Something has come out about grades that were sent: look into them."),
            todo=_("See each grade on the flow's page, and say that it is dealt with."),
            who=MANAGER,
        ),
        "finding.twice": Sentence(
            _("Ladok has registered the grade twice: %(grades)s (%(codes)s). Both sendings arrived."),
            _("The student may have two results in Ladok."),
            _("Take one of them away in Ladok, then say here that it is corrected."),
            MANAGER,
        ),
        "finding.listed_twice": Sentence(
            _("Ladok's own record has the person's grade %(times)s times (%(code)s)."),
            _("The student may have two results in Ladok."),
            _("Take one of them away in Ladok, then say here that it is corrected."),
            MANAGER,
        ),
        "finding.late_registered": Sentence(
            _("Ladok's answer came late, and says that it registered the grade."),
            _("The grade is in Ladok, and is not sent again."),
            _("If you have registered it by hand meanwhile, take one of the two away in Ladok."),
            MANAGER,
        ),
        "finding.late_sent_again": Sentence(
            _("Ladok's answer to an earlier sending came late, and says that it registered the grade."),
            _("The grade has been sent again meanwhile: it may be in Ladok twice."),
            _("Look in Ladok. If it is there twice, take one of the two away."),
            MANAGER,
        ),
        # %(cause)s is what Ladok said: a message of its own
        "finding.late_failed": Sentence(
            _("What became of the grade came out late. %(cause)s"), "%(cause)s", "%(cause)s", MANAGER
        ),
        "finding.reason_missing": Sentence(
            _("Say what you have corrected in Ladok."), _("Nothing was changed."), who=MANAGER
        ),
        "finding.not_open": Sentence(
            _(
                "What is known of these grades has changed since the page was shown, or somebody else has dealt with them."
            ),
            _("Nothing was changed."),
            _("Look at them as they are shown now."),
            MANAGER,
        ),
    }
)
