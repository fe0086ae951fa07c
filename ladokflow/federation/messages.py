"""What is told when a sign-in at the university leads to nothing: to the person, and with the same code to the log."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, Sentence, register

_AGAIN = _("Go back to the sign-in and begin once more.")
_OPERATORS = _("Tell those who run LadokFlow: what came in is not what their settings expect.")

register(
    {
        "federation.not_begun": Sentence(
            _("No sign-in is under way in this browser, or it took longer than ten minutes."), todo=_AGAIN
        ),
        "federation.unsolicited": Sentence(
            _("The identity provider's answer belongs to no sign-in that was begun here."), todo=_AGAIN
        ),
        "federation.replayed": Sentence(
            _("The identity provider's answer has been used before, and lets nobody in again."), todo=_AGAIN
        ),
        "federation.expired": Sentence(
            _("The identity provider's answer is not valid at this time."),
            todo=_("Begin once more. If it happens again, the clock of one of the two is wrong."),
            who=OPERATOR,
        ),
        "federation.declined": Sentence(
            _("The identity provider did not sign you in."),
            todo=_("Begin once more. If it happens again, ask your university's helpdesk."),
        ),
        "federation.signature": Sentence(
            _("The identity provider's answer is not signed with a key of its own."), todo=_OPERATORS, who=OPERATOR
        ),
        "federation.audience": Sentence(
            _("The identity provider's answer is meant for another service."), todo=_OPERATORS, who=OPERATOR
        ),
        "federation.recipient": Sentence(
            _("The identity provider's answer is meant for another address."), todo=_OPERATORS, who=OPERATOR
        ),
        "federation.issuer": Sentence(
            _("The answer comes from another identity provider than the one that was asked."),
            todo=_OPERATORS,
            who=OPERATOR,
        ),
        "federation.unreadable": Sentence(
            _("The identity provider's answer cannot be read, or holds what does not belong in it."),
            todo=_OPERATORS,
            who=OPERATOR,
        ),
        "federation.undecryptable": Sentence(
            _("The identity provider's answer is encrypted for a key that LadokFlow does not have."),
            todo=_OPERATORS,
            who=OPERATOR,
        ),
        "federation.scope": Sentence(
            _("The identity provider says that you belong to %(scope)s, which it does not speak for."),
            todo=_OPERATORS,
            who=OPERATOR,
        ),
        "federation.no_subject": Sentence(
            _("The identity provider does not say who you are."),
            todo=_(
                "Ask your university's helpdesk to release subject-id, a persistent NameID or eduPersonPrincipalName to LadokFlow."
            ),
        ),
        "federation.unknown_provider": Sentence(
            _("The identity provider %(issuer)s is not one that LadokFlow knows."),
            todo=_("Go back to the sign-in and choose your university again."),
        ),
        "federation.provider_unusable": Sentence(
            _("The metadata of the identity provider do not say where to sign in, or with which key it signs."),
            todo=_OPERATORS,
            who=OPERATOR,
        ),
        "federation.metadata_unsigned": Sentence(
            _("The federation's metadata are not signed by the federation."), todo=_OPERATORS, who=OPERATOR
        ),
        "federation.metadata_expired": Sentence(
            _("The federation's metadata have expired."), todo=_OPERATORS, who=OPERATOR
        ),
        "federation.unreachable": Sentence(
            _("%(host)s did not answer as it should, so you cannot be signed in there now."),
            todo=_("Try again in a few minutes."),
            who=OPERATOR,
        ),
        # --- Who it is here
        "federation.anothers": Sentence(
            _("This sign-in at the university already belongs to another account in LadokFlow."),
            todo=_("Sign out and sign in with it, or ask those who run LadokFlow to take it off that account."),
            who=OPERATOR,
        ),
        "federation.inactive": Sentence(
            _("Your account in LadokFlow is switched off."), todo=_("Ask your licence admin."), who=LICENCE_ADMIN
        ),
    }
)
