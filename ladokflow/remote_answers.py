"""What is told when Ladok or WISEflow does not answer as it should. `system` is "Ladok" or "WISEflow"."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LADOK, LICENCE_ADMIN, MANAGER, OPERATOR, Sentence, register

register(
    {
        "remote.unreachable": Sentence(
            _("%(system)s could not be reached at %(host)s (%(detail)s)."),
            todo=_(
                "Try again in a while. If it stays so, check the address of the source and that the system is running."
            ),
            who=LICENCE_ADMIN,
        ),
        "remote.certificate_refused": Sentence(
            _("%(system)s at %(host)s does not accept our client certificate, or wants one (%(detail)s)."),
            todo=_("Check that the source has a client certificate, and that it is the right one and has not expired."),
            who=LICENCE_ADMIN,
        ),
        "remote.untrusted": Sentence(
            _("The certificate of %(system)s at %(host)s is not to be trusted: it has expired, or is somebody else's."),
            todo=_(
                "Check the address of the source, and have the certificate there, or those trusted here, corrected."
            ),
            who=OPERATOR,
        ),
        "remote.address_refused": Sentence(
            _("The address %(host)s of %(system)s may not be used: it is not https."),
            todo=_("Correct the address of the source, or have the host added to PLAIN_HTTP_HOSTS."),
            who=OPERATOR,
        ),
        "remote.timeout": Sentence(
            _("%(system)s did not answer within %(seconds)s seconds."),
            todo=_("Try again in a while. If it stays so, ask those who run %(system)s."),
            who=MANAGER,
        ),
        "remote.cut": Sentence(
            _("The connection to %(system)s was cut before the answer was complete."),
            todo=_("Try again in a while."),
            who=MANAGER,
        ),
        "remote.unauthorised": Sentence(
            _("%(system)s refused our token (HTTP %(status)s)."),
            todo=_("Check the source's %(system)s credential in the administration: is it enabled, and not expired?"),
            who=LICENCE_ADMIN,
        ),
        "remote.no_credential": Sentence(
            _("The source has no enabled credential for %(system)s."),
            todo=_("Add one in the administration, or enable the one there is."),
            who=LICENCE_ADMIN,
        ),
        "remote.bad_credential": Sentence(
            _("The source's credential for %(system)s cannot be used: %(detail)s."),
            todo=_("Correct it in the administration."),
            who=LICENCE_ADMIN,
        ),
        "remote.not_found": Sentence(
            _("%(system)s does not know what was asked for (HTTP 404)."),
            todo=_("Check that it still exists there."),
            who=MANAGER,
        ),
        "remote.refused": Sentence(
            _("%(system)s refused the request (HTTP %(status)s): %(detail)s"),
            todo=_("Correct what it says, then try again."),
            who=MANAGER,
        ),
        "remote.refused_unsaid": Sentence(
            _("%(system)s refused the request (HTTP %(status)s), and does not say why."),
            todo=_("Try again. If it stays so, ask those who run %(system)s."),
            who=MANAGER,
        ),
        "remote.too_many_requests": Sentence(
            _("%(system)s says that too many requests have been made (HTTP 429)."),
            todo=_("Wait a few minutes, then try again."),
            who=MANAGER,
        ),
        "remote.server_error": Sentence(
            _("%(system)s failed on its own side (HTTP %(status)s)."),
            todo=_("Try again in a while. If it stays so, ask those who run %(system)s."),
            who=MANAGER,
        ),
        "remote.not_json": Sentence(
            _("%(system)s answered with something that is not data (%(detail)s)."),
            todo=_(
                "It may be a sign-in page or a maintenance page: check the address and the credential of the source."
            ),
            who=LICENCE_ADMIN,
        ),
        "remote.unexpected": Sentence(
            _("The answer from %(system)s could not be understood (%(detail)s)."),
            todo=_("Ask those who run %(system)s if it has changed."),
            who=LADOK,
        ),
    }
)
