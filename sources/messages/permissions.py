"""What somebody is told who may not do what they asked for."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, RIGHTS_GIVER, Sentence, register

_ASK = _("Ask somebody who may do it, or a licence admin to change your role.")
# The rules of exports say the same (`exports/messages/rules.py`).
NO_EXPORT_RIGHT = Sentence(
    _(
        "This university lets only managers with the export right send grades or mark them as exported, and you do not have it."
    ),
    _("Nothing was sent, and nothing was marked."),
    _("Ask a manager who has the right, or ask for it to be given to you."),
    RIGHTS_GIVER,
)

register(
    {
        "sources.may_not.read": Sentence(
            _("You run LadokFlow for %(source)s, and see nothing there of students and grades."),
            _("Nothing was changed."),
            _("Ask a licence admin of theirs, who can make you a member."),
            who=LICENCE_ADMIN,
        ),
        "sources.may_not.change": Sentence(
            _("Your role at %(source)s is to read: it changes nothing."),
            _("Nothing was changed."),
            _ASK,
            who=LICENCE_ADMIN,
        ),
        "sources.may_not.export": NO_EXPORT_RIGHT,
        "sources.may_not.archive": Sentence(
            _("You may not make or download archive packages at %(source)s."),
            _("Nothing was made or given out."),
            _("Ask a licence admin for the right to it, which stands on your membership."),
            who=RIGHTS_GIVER,
        ),
        "sources.may_not.logs": Sentence(
            _("You may not see what WISEflow has logged of students at %(source)s."),
            effect=_("Nothing is shown, and nothing is taken along."),
            todo=_("Ask for the right to see logs. Whoever administers the members gives it."),
            who=RIGHTS_GIVER,
        ),
        "sources.may_not.small_groups": Sentence(
            _("You may not see groups of fewer than five students at %(source)s."),
            effect=_("They are left out of the figures."),
            todo=_("Ask for the right to see small groups. Whoever administers the members gives it."),
            who=RIGHTS_GIVER,
        ),
        "sources.may_not.reveal": Sentence(
            _("Your role at %(source)s sees no whole national id."), _("Nothing was shown."), _ASK, who=LICENCE_ADMIN
        ),
        "sources.may_not.inspect": Sentence(
            _("Your role at %(source)s does not see its settings and logs."), "", _ASK, who=LICENCE_ADMIN
        ),
        "sources.may_not.administer": Sentence(
            _("Only licence admins of %(source)s change its settings."),
            _("Nothing was changed."),
            _ASK,
            who=LICENCE_ADMIN,
        ),
        "sources.may_not.delegate": Sentence(
            _("Only licence admins of %(source)s have tokens and rules act for them."),
            _("Nothing was changed."),
            _ASK,
            who=LICENCE_ADMIN,
        ),
        "sources.may_not.disclose": Sentence(
            _("Only licence admins of %(source)s give out what is held of a student."),
            _("Nothing was given out."),
            _ASK,
            who=LICENCE_ADMIN,
        ),
        "sources.may_not.operate": Sentence(
            _("Only those who run LadokFlow do this, also for %(source)s."), _("Nothing was changed."), who=OPERATOR
        ),
    }
)
