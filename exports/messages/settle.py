"""Checking with Ladok, and a manager's word."""

from django.utils.translation import gettext_lazy as _

from exports.messages.finding_out import FIND_OUT
from ladokflow.messages import MANAGER, Sentence, Trait, register

register(
    {
        "settle.cannot_read_back": Sentence(
            _("Ladok at this university cannot be asked which grades it has registered."),
            todo=_("Look in Ladok, and say what is there."),
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
        # Said by versions that waited a minute: their rows still hold it
        "settle.too_early": Sentence(
            _("Ladok has not registered the grade yet, but may still be working on it."),
            _("It is not known if it will be registered."),
            _("Find out again in a minute."),
            MANAGER,
        ),
        # %(cause)s is what was found: a message of its own, whose advice would be too early
        "settle.not_there_yet": Sentence(
            "%(cause)s",
            _("Ladok may still be working on it: it is not known if it will be registered."),
            _("Find out after %(again)s, if LadokFlow has not done so by then."),
            MANAGER,
        ),
        "settle.reason_missing": Sentence(
            _("Say how you know what is in Ladok."), _("Nothing was changed."), who=MANAGER
        ),
        "settle.not_open": Sentence(
            _("This grade cannot be marked: it is neither failed nor unknown any more."),
            _("Nothing was changed."),
        ),
        "settle.not_unknown": Sentence(
            _("Only of a grade whose outcome is unknown can it be said that it is not in Ladok."),
            _("Nothing was changed."),
            _("Choose only those. What has failed can be retried as it is."),
            MANAGER,
        ),
        "settle.absent_too_early": Sentence(
            _("Ladok may still be working on these grades: what is not there now may be there yet."),
            _("Nothing was changed."),
            _("Look in Ladok again after %(again)s."),
            MANAGER,
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
            FIND_OUT,
            MANAGER,
        ),
        "settle.attempt_already": Sentence(
            _(
                "%(exported)s of %(total)s grades exported, %(failed)s failed, %(unknown)s unknown, after Ladok was looked into."
            ),
            _("Of those that failed Ladok says that it has them already."),
            _("Retrying cannot help. Look in Ladok; where the grade there is the right one, choose Mark as exported."),
            MANAGER,
        ),
        "settle.attempt_some_already": Sentence(
            _(
                "%(exported)s of %(total)s grades exported, %(failed)s failed, %(unknown)s unknown, after Ladok was looked into."
            ),
            _("Of %(there)s of those that failed Ladok says that it has them already."),
            _(
                "Look in Ladok for those it has already, and choose Mark as exported where the grade there is the right one."
                " Correct what it says of the others, then choose Retry."
            ),
            MANAGER,
        ),
        "settle.nobody_chosen": Sentence(
            _("Nobody is chosen."), _("Nothing was changed."), _("Choose at least one person."), MANAGER
        ),
        "settle.seen_otherwise": Sentence(
            _("What is known of these grades has changed since you opened the page."),
            _("Nothing was changed."),
            _("Look at them once more, and decide again."),
            MANAGER,
            traits={Trait.NOT_AS_SHOWN},
        ),
        "settle.mark_gone": Sentence(
            _("A mark can be taken back until the person is sent again, and once: one of these cannot any more."),
            _("Nothing was changed."),
            _("Look at the list once more."),
            MANAGER,
        ),
        "settle.no_such_people": Sentence(
            _("Of nobody here can it be said that the grade is in Ladok: %(people)s."),
            _("Nothing was changed."),
            _("Name people whose export failed or has an unknown outcome, by organisation id."),
            MANAGER,
        ),
        "settle.nobody_to_mark": Sentence(
            _("Of no grade of this flow has Ladok said that it is there already."),
            _("Nothing was changed."),
            _("Name the people with --person."),
            MANAGER,
        ),
        "settle.nobody_marked": Sentence(
            _("No grade of this flow is marked as exported in a way that can be taken back."),
            _("Nothing was changed."),
        ),
        "settle.attempt_asked_again": Sentence(
            _(
                "%(exported)s of %(total)s grades exported, %(failed)s failed, %(unknown)s unknown, after Ladok was looked into."
            ),
            _("Ladok may still be working on the unknown ones: they may be registered yet."),
            _("Find out after %(again)s, if LadokFlow has not done so by then."),
            MANAGER,
        ),
        "settle.marked": Sentence(_("Marked as exported by hand: %(reason)s")),
        "settle.absent": Sentence(
            _("Marked by hand as not in Ladok: %(reason)s"), _("It was not exported."), _("Press Retry."), MANAGER
        ),
    }
)
