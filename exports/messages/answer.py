"""What Ladok's answer to an export means, in words: for the attempt as a whole and for each person in it."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LADOK, LICENCE_ADMIN, MANAGER, OPERATOR, Sentence, register

NOT_REGISTERED = _("No grade was registered.")
NOTHING_SENT = _("Nothing was sent to Ladok.")
MAY_BE_IN_LADOK = _("The grades may be in Ladok, all, some or none of them.")
LOOK_FIRST = _("Check with Ladok, or look there; then choose Retry or Mark as exported.")
RETRY = _("Correct it, then choose Retry.")

# --- Registered, all or some
register(
    {
        "answer.exported": Sentence(
            ngettext_lazy("Ladok registered %(count)s grade.", "Ladok registered all %(count)s grades.", "count")
        ),
        "answer.some_rejected": Sentence(
            ngettext_lazy(
                "Ladok registered %(exported)s of %(sent)s grades and rejected %(count)s.",
                "Ladok registered %(exported)s of %(sent)s grades and rejected %(count)s.",
                "count",
            ),
            _("What Ladok said stands beside each person."),
            _("Correct what it says, then choose Retry: only those who are not exported are sent."),
            MANAGER,
        ),
        "answer.all_rejected": Sentence(
            ngettext_lazy(
                "Ladok rejected the only grade that was sent.", "Ladok rejected all %(count)s grades.", "count"
            ),
            NOT_REGISTERED,
            _("See what Ladok said of each person, correct it, then choose Retry."),
            MANAGER,
        ),
        "answer.person_rejected": Sentence(
            _("Ladok rejected the grade: %(said)s"),
            _("It was not registered."),
            RETRY,
            MANAGER,
        ),
        "answer.person_rejected_without_reason": Sentence(
            _("Ladok rejected the grade without saying why."),
            _("It was not registered."),
            _("Ask those who run Ladok at your university, then choose Retry."),
            LADOK,
        ),
    }
)

# --- Nothing left us
register(
    {
        "answer.not_reached": Sentence(
            _("Ladok could not be reached (%(detail)s)."),
            NOTHING_SENT,
            _("Check that Ladok is running and that the address of the source is right, then choose Retry."),
            LICENCE_ADMIN,
        ),
        "answer.certificate_refused": Sentence(
            _("Ladok does not accept our client certificate, or wants one (%(detail)s)."),
            NOTHING_SENT,
            _("Give the source a client certificate that Ladok accepts, then choose Retry."),
            LICENCE_ADMIN,
        ),
        "answer.untrusted": Sentence(
            _("Ladok's certificate is not to be trusted: it has expired, or is somebody else's."),
            NOTHING_SENT,
            _(
                "Check the address of the source, and have the certificate there, or those trusted here, corrected. Then choose Retry."
            ),
            OPERATOR,
        ),
        "answer.address_refused": Sentence(
            _("The address of Ladok may not be used (%(detail)s): it is not https."),
            NOTHING_SENT,
            _("Correct the address of the source, then choose Retry."),
            LICENCE_ADMIN,
        ),
    }
)

# --- Ladok refused it as a whole
register(
    {
        "answer.refused": Sentence(
            _("Ladok refused the export (HTTP %(status)s): %(said)s"), NOT_REGISTERED, RETRY, MANAGER
        ),
        "answer.refused_without_reason": Sentence(
            _("Ladok refused the export without saying why (HTTP %(status)s)."),
            NOT_REGISTERED,
            _("Ask those who run Ladok at your university, then choose Retry."),
            LADOK,
        ),
        "answer.unauthorised": Sentence(
            _("Ladok did not accept the source's token (HTTP 401). %(said)s"),
            NOT_REGISTERED,
            _(
                "Check the source's Ladok credential in the administration: is it enabled, and not expired? Then choose Retry."
            ),
            LICENCE_ADMIN,
        ),
        "answer.forbidden": Sentence(
            _("Ladok knows the source's token, but does not let it export these grades (HTTP 403). %(said)s"),
            NOT_REGISTERED,
            _(
                "Have the right given to the source's Ladok credential, or replace it in the administration. Then choose Retry."
            ),
            LICENCE_ADMIN,
        ),
        "answer.not_found": Sentence(
            _("Ladok has no such exam to export to (HTTP 404). %(said)s"),
            NOT_REGISTERED,
            _("Check that the code is still in Ladok, and that the address of the source is right. Then choose Retry."),
            MANAGER,
        ),
        "answer.too_many_requests": Sentence(
            _("Ladok says that too many requests have been made (HTTP 429)."),
            NOT_REGISTERED,
            _("Wait a few minutes, then choose Retry."),
            MANAGER,
        ),
    }
)

# --- Nobody can tell
register(
    {
        "answer.timeout": Sentence(
            _("Ladok did not answer within %(seconds)s seconds."), MAY_BE_IN_LADOK, LOOK_FIRST, MANAGER
        ),
        "answer.request_timeout": Sentence(
            _("Ladok gave up waiting for the request (HTTP 408)."), MAY_BE_IN_LADOK, LOOK_FIRST, MANAGER
        ),
        "answer.cut": Sentence(
            _("The connection to Ladok was cut before the answer was complete."), MAY_BE_IN_LADOK, LOOK_FIRST, MANAGER
        ),
        "answer.server_error": Sentence(
            _("Ladok failed on its own side (HTTP %(status)s). %(said)s"), MAY_BE_IN_LADOK, LOOK_FIRST, MANAGER
        ),
        "answer.unexpected_status": Sentence(
            _("Ladok answered in an unexpected way (HTTP %(status)s)."), MAY_BE_IN_LADOK, LOOK_FIRST, MANAGER
        ),
        "answer.not_json": Sentence(
            _("Ladok answered with something that is not data (HTTP %(status)s, %(kind)s)."),
            MAY_BE_IN_LADOK,
            LOOK_FIRST,
            MANAGER,
        ),
        "answer.says_nothing": Sentence(
            _("Ladok's answer says neither how many grades it registered nor what was wrong (HTTP %(status)s)."),
            MAY_BE_IN_LADOK,
            LOOK_FIRST,
            MANAGER,
        ),
        "answer.unreadable_errors": Sentence(
            _("Ladok's answer lists errors that do not say whom they are about."), MAY_BE_IN_LADOK, LOOK_FIRST, MANAGER
        ),
        "answer.strangers": Sentence(
            ngettext_lazy(
                "Ladok's answer lists an error for someone who was not sent.",
                "Ladok's answer lists errors for %(count)s people who were not sent.",
                "count",
            ),
            MAY_BE_IN_LADOK,
            LOOK_FIRST,
            MANAGER,
        ),
        "answer.wrong_numbers": Sentence(
            _(
                "The numbers in Ladok's answer do not add up: %(sent)s sent, %(successes)s registered and %(errors)s rejected"
                " according to Ladok, %(named)s named in its errors."
            ),
            MAY_BE_IN_LADOK,
            LOOK_FIRST,
            MANAGER,
        ),
        "answer.refused_and_registered": Sentence(
            _("Ladok refused the export (HTTP %(status)s) and says at the same time that grades were registered."),
            MAY_BE_IN_LADOK,
            LOOK_FIRST,
            MANAGER,
        ),
        "answer.person_unknown_with_error": Sentence(
            _("Ladok named an error for this person, in an answer that cannot be relied on: %(said)s"),
            _("The grade may be in Ladok."),
            LOOK_FIRST,
            MANAGER,
        ),
    }
)
