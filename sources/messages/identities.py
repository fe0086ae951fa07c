"""What is told where nobody can say who somebody is: identifiers that contradict one another, lists that are not whole."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LADOK, MANAGER, Sentence, Text, Trait, register

# The number itself is never told: a national id stands in no message.
EFFECT = _(
    "Nothing is changed in WISEflow for the person, and no grade of theirs is sent, until it is clear who it is."
)
TODO = _("Find out who it is, and have what is wrong corrected in Ladok or in WISEflow. Then synchronise.")


def _doubt(what: Text) -> Sentence:
    return Sentence(what, effect=EFFECT, todo=TODO, who=MANAGER)


register(
    {
        "sources.doubt.organisation_id": _doubt(
            _(
                "%(name)s (%(organisation_id)s) in Ladok has the organisation id of %(other)s (%(other_id)s), but the other "
                "identifiers are not the same. It may have been given to a new person."
            )
        ),
        "sources.doubt.national_id": _doubt(
            _(
                "%(name)s (%(organisation_id)s) in Ladok has the personal identity number of %(other)s (%(other_id)s), but the "
                "other identifiers are not the same."
            )
        ),
        "sources.doubt.external_user_id": _doubt(
            _(
                "%(name)s (%(organisation_id)s) in Ladok has the student number of %(other)s (%(other_id)s), but the other "
                "identifiers are not the same."
            )
        ),
        "sources.doubt.unique_exam_id": _doubt(
            _(
                "%(name)s (%(organisation_id)s) in Ladok has the unique exam id of %(other)s (%(other_id)s), but the other "
                "identifiers are not the same."
            )
        ),
        "sources.doubt.name": Sentence(
            _(
                "%(other)s (%(other_id)s) is no longer on Ladok's list, but %(name)s (%(organisation_id)s) is. It may be the same "
                "person under new numbers."
            ),
            effect=EFFECT,
            todo=_(
                "Find out who it is. The same person: answer so where the flow's page asks, or have Ladok corrected. Somebody "
                "else, while students write: deactivate whoever has left in WISEflow. Then synchronise."
            ),
            who=MANAGER,
        ),
        "sources.doubt.several": _doubt(
            _(
                "%(name)s (%(organisation_id)s) in Ladok may be %(other)s (%(other_id)s), and so may somebody else: their "
                "identifiers do not tell them apart."
            )
        ),
        "sources.identity.seen_otherwise": Sentence(
            _("What Ladok says of this person has changed since you opened the page, or somebody else has answered."),
            effect=_("Nothing was changed."),
            todo=_("Look at it once more, and answer again if it is still asked."),
            who=MANAGER,
            traits={Trait.NOT_AS_SHOWN},
        ),
        "sources.audit.same_person": Sentence(
            _("Said that %(name)s on Ladok's list for %(code)s is the same person as before."),
            traits={Trait.NAMES_STUDENT},
        ),
        "sources.audit.other_person": Sentence(
            _("Said that %(name)s on Ladok's list for %(code)s is now somebody else."), traits={Trait.NAMES_STUDENT}
        ),
        "sources.audit.national_id_revealed": Sentence(
            _("Looked at the whole national id of %(person)s."), traits={Trait.NAMES_STUDENT}
        ),
        "sources.audit.extract_made": Sentence(
            _("Made a register extract of %(person)s."), traits={Trait.NAMES_STUDENT}
        ),
        "sources.list_distrusted": Sentence(
            ngettext_lazy(
                "Ladok's list for %(code)s no longer has everybody, and is not whole: %(count)s row is repeated, missing, cannot "
                "be read or cannot be told whose it is.",
                "Ladok's list for %(code)s no longer has everybody, and is not whole: %(count)s rows are repeated, missing, "
                "cannot be read or cannot be told whose they are.",
                "count",
            ),
            effect=_("None of those who are missing has been touched."),
            todo=_("Look in Ladok. If those who are missing are not to be on the flow, confirm the synchronisation."),
            who=MANAGER,
            traits={Trait.BRAKE},
        ),
        "sources.list_empty": Sentence(
            _("Ladok's list for %(code)s is empty. Last time it had %(before)s people."),
            effect=_("Nothing has been written down."),
            todo=_("Look in Ladok."),
            who=LADOK,
        ),
    }
)
