"""What Ladok's answer to an export means, in words: for the attempt as a whole and for each person in it."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from exports.messages.finding_out import FIND_OUT
from ladokflow.messages import LADOK, LICENCE_ADMIN, MANAGER, OPERATOR, Sentence, Trait, register

NOT_REGISTERED = _("No grade was registered.")
NOTHING_SENT = _("Nothing was sent to Ladok.")
MAY_BE_IN_LADOK = _("The grades may be in Ladok, all, some or none of them.")
THE_GRADE_MAY_BE = _("The grade may be in Ladok.")
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
        "answer.some_already": Sentence(
            ngettext_lazy(
                "Ladok registered %(exported)s of %(sent)s grades, and says that it has the other one already.",
                "Ladok registered %(exported)s of %(sent)s grades, and says that it has the other %(count)s already.",
                "count",
            ),
            _("What Ladok said stands beside each person."),
            _("Retrying cannot help. Look in Ladok; where the grade there is the right one, choose Mark as exported."),
            MANAGER,
        ),
        "answer.all_already": Sentence(
            ngettext_lazy(
                "Ladok says that it has the grade already.",
                "Ladok says that it has all %(count)s grades already.",
                "count",
            ),
            _("Nothing was registered this time."),
            _("Retrying cannot help. Look in Ladok; where the grade there is the right one, choose Mark as exported."),
            MANAGER,
        ),
        "answer.some_rejected_some_there": Sentence(
            ngettext_lazy(
                "Ladok registered %(exported)s of %(sent)s grades and rejected %(count)s, and says that it has %(there)s of these already.",
                "Ladok registered %(exported)s of %(sent)s grades and rejected %(count)s, and says that it has %(there)s of these already.",
                "count",
            ),
            _("What Ladok said stands beside each person."),
            _(
                "Look in Ladok for those it has already, and choose Mark as exported where the grade there is the right one."
                " Correct what it says of the others, then choose Retry."
            ),
            MANAGER,
        ),
        "answer.person_already_registered": Sentence(
            _("Ladok says that the grade is there already: %(said)s"),
            _("Nothing was registered this time."),
            _("Retrying cannot help. Look in Ladok; where the grade there is the right one, choose Mark as exported."),
            MANAGER,
            {Trait.ALREADY_IN_LADOK},
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
            _("Ladok did not answer within %(seconds)s seconds."), MAY_BE_IN_LADOK, FIND_OUT, MANAGER
        ),
        "answer.request_timeout": Sentence(
            _("Ladok gave up waiting for the request (HTTP 408)."), MAY_BE_IN_LADOK, FIND_OUT, MANAGER
        ),
        "answer.cut": Sentence(
            _("The connection to Ladok was cut before the answer was complete."), MAY_BE_IN_LADOK, FIND_OUT, MANAGER
        ),
        "answer.server_error": Sentence(
            _("Ladok failed on its own side (HTTP %(status)s). %(said)s"), MAY_BE_IN_LADOK, FIND_OUT, MANAGER
        ),
        "answer.oversized": Sentence(
            _("Ladok answered with more than any answer can hold, and it was not read."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.garbled": Sentence(
            _("Ladok's answer is broken, or packed in a way that cannot be opened."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.repeated": Sentence(
            _("Ladok's answer says one thing twice, and so nothing for certain (HTTP %(status)s)."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.empty": Sentence(
            _(
                "Ladok's answer is empty, and of a kind that does not mean that the grades are registered (HTTP %(status)s)."
            ),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.not_done_yet": Sentence(
            _("Ladok has taken the grades in, and does not say that they are registered (HTTP 202)."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.no_number": Sentence(
            _("Ladok's answer does not say how many grades it registered (HTTP %(status)s)."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.contradicts": Sentence(
            _(
                "Ladok's answer counts grades as registered, and tells of an error at the same time (HTTP %(status)s). %(said)s"
            ),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.unexpected_status": Sentence(
            _("Ladok answered in an unexpected way (HTTP %(status)s)."), MAY_BE_IN_LADOK, FIND_OUT, MANAGER
        ),
        "answer.not_json": Sentence(
            _("Ladok answered with something that is not data (HTTP %(status)s, %(kind)s)."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.says_nothing": Sentence(
            _("Ladok's answer says neither how many grades it registered nor what was wrong (HTTP %(status)s)."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.unreadable_errors": Sentence(
            _("Ladok's answer lists errors that do not say whom they are about."), MAY_BE_IN_LADOK, FIND_OUT, MANAGER
        ),
        "answer.strangers": Sentence(
            ngettext_lazy(
                "Ladok's answer lists an error for someone who was not sent.",
                "Ladok's answer lists errors for %(count)s people who were not sent.",
                "count",
            ),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.wrong_numbers": Sentence(
            _(
                "The numbers in Ladok's answer do not add up: %(sent)s sent, %(successes)s registered and %(errors)s rejected"
                " according to Ladok, %(named)s named in its errors."
            ),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.refused_and_registered": Sentence(
            _("Ladok refused the export (HTTP %(status)s) and says at the same time that grades were registered."),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.refused_unclear": Sentence(
            _("Ladok refused the export in a way that leaves open what was done before (HTTP %(status)s). %(said)s"),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.refused_already": Sentence(
            _("Ladok refused the export and speaks of something that is there already (HTTP %(status)s): %(said)s"),
            MAY_BE_IN_LADOK,
            FIND_OUT,
            MANAGER,
        ),
        "answer.others_unsaid": Sentence(
            ngettext_lazy(
                "Ladok rejected %(count)s of %(sent)s grades, and does not say what came of the others (HTTP %(status)s).",
                "Ladok rejected %(count)s of %(sent)s grades, and does not say what came of the others (HTTP %(status)s).",
                "count",
            ),
            _("The others' grades may be in Ladok, all, some or none of them."),
            FIND_OUT,
            MANAGER,
        ),
        "answer.person_unsaid": Sentence(
            _("Ladok rejected other people's grades, and does not say what came of this one (HTTP %(status)s)."),
            THE_GRADE_MAY_BE,
            FIND_OUT,
            MANAGER,
        ),
        "answer.counted_and_named": Sentence(
            ngettext_lazy(
                "Ladok says that it registered all %(sent)s grades, and at the same time names an error for one of them.",
                "Ladok says that it registered all %(sent)s grades, and at the same time names errors for %(count)s of them.",
                "count",
            ),
            _("Those it names may be in Ladok; the others are."),
            FIND_OUT,
            MANAGER,
        ),
        "answer.person_counted_and_named": Sentence(
            _("Ladok counts the grade as registered, and at the same time names an error for it: %(said)s"),
            THE_GRADE_MAY_BE,
            FIND_OUT,
            MANAGER,
        ),
        "answer.person_unknown_with_error": Sentence(
            _("Ladok named an error for this person, in an answer that cannot be relied on: %(said)s"),
            THE_GRADE_MAY_BE,
            FIND_OUT,
            MANAGER,
        ),
    }
)
