"""What a call to Ladok or WISEflow that gave nothing means: one table, from what came back to what is told and done.

A new sentence is one entry here, as

    409: Failure("remote.conflict", Sentence(_("%(system)s ..."), todo=_("..."), who=MANAGER), is_permanent=True),

and goes for both systems; what only one of them means by it stands in its own table, which begins with this one
(`ladokflow/ladok/base.py`, `ladokflow/wiseflow/errors.py`). What an answer to an *export* means is another question, which
is about grades: `exports/attempts/answer.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LADOK, LICENCE_ADMIN, MANAGER, OPERATOR, Message, Sentence, Trait, message, register


@dataclass(frozen=True)
class Failure:
    """`is_permanent`: trying again as it stands is pointless. `is_retried`: a read, which changes nothing, is asked again at
    once. `is_about_one`: this one thing was refused, and the next may be done all the same; else it stops the whole. The
    sentences may use `system`, `host`, `status`, `seconds` and `detail`, what the other side says; where it says nothing,
    `unsaid` stands in the place of `sentence`."""

    code: str
    sentence: Sentence
    unsaid: Sentence | None = None
    is_permanent: bool = False
    is_retried: bool = False
    is_about_one: bool = False

    def __post_init__(self) -> None:
        register({self.code: self.sentence} | ({self._unsaid_code: self.unsaid} if self.unsaid else {}))

    @property
    def _unsaid_code(self) -> str:
        return f"{self.code}_unsaid"

    def message(self, **facts: Any) -> Message:
        """In words, with those of the facts that the words use."""
        is_unsaid = self.unsaid is not None and not facts.get("detail")
        sentence = self.unsaid if self.unsaid is not None and is_unsaid else self.sentence
        facts["detail"] = facts.get("detail") or f"HTTP {facts.get('status')}"
        used = set(re.findall(r"%\((\w+)\)", f"{sentence.what}{sentence.effect}{sentence.todo}"))
        params = {name: value for name, value in facts.items() if name in used}
        return message(self._unsaid_code if is_unsaid else self.code, **params)


# By the kind of `NoAnswer`, the HTTP status, or a hundred of them; then "other".
Failures = Mapping[int | str, Failure]

_UNAUTHORISED = Failure(
    "remote.unauthorised",
    Sentence(
        _("%(system)s refused our token (HTTP %(status)s)."),
        todo=_("Check the source's %(system)s credential in the administration: is it the right one, and not expired?"),
        who=LICENCE_ADMIN,
    ),
    is_permanent=True,
)
_SERVER_ERROR = Failure(
    "remote.server_error",
    Sentence(
        _("%(system)s failed on its own side (HTTP %(status)s)."),
        todo=_("Try again in a while. If it stays so, ask those who run %(system)s."),
        who=MANAGER,
    ),
    is_retried=True,
)
_REFUSED = Failure(
    "remote.refused",
    Sentence(
        _("%(system)s refused the request (HTTP %(status)s): %(detail)s"),
        todo=_("Correct what it says, then try again."),
        who=MANAGER,
    ),
    unsaid=Sentence(
        _("%(system)s refused the request (HTTP %(status)s), and does not say why."),
        todo=_("Try again. If it stays so, ask those who run %(system)s."),
        who=MANAGER,
        traits={Trait.UNEXPLAINED},
    ),
    is_permanent=True,
)
FAILURES: Failures = {
    # No (whole) answer
    "address": Failure(
        "remote.address_refused",
        Sentence(
            _("The address %(host)s of %(system)s may not be used: it is not https."),
            todo=_("Correct the address of the source, or have the host added to PLAIN_HTTP_HOSTS."),
            who=OPERATOR,
            traits={Trait.NEVER_ARRIVED},
        ),
        is_permanent=True,
    ),
    "inside": Failure(
        "remote.address_inside",
        Sentence(
            _(
                "The address %(host)s of %(system)s leads into the network that LadokFlow itself stands in, and nothing was "
                "sent there."
            ),
            todo=_("Correct the address of the source. If it is right, have the host added to INSIDE_HOSTS."),
            who=OPERATOR,
            traits={Trait.NEVER_ARRIVED},
        ),
        is_permanent=True,
    ),
    "connect": Failure(
        "remote.unreachable",
        Sentence(
            _("%(system)s could not be reached at %(host)s (%(detail)s)."),
            todo=_(
                "Try again in a while. If it stays so, check the address of the source and that the system is running."
            ),
            who=LICENCE_ADMIN,
            traits={Trait.NEVER_ARRIVED},
        ),
        is_retried=True,
    ),
    "certificate": Failure(
        "remote.certificate_refused",
        Sentence(
            _("%(system)s at %(host)s does not accept our client certificate, or wants one (%(detail)s)."),
            todo=_("Check that the source has a client certificate, and that it is the right one and has not expired."),
            who=LICENCE_ADMIN,
        ),
        is_permanent=True,
    ),
    "untrusted": Failure(
        "remote.untrusted",
        Sentence(
            _("The certificate of %(system)s at %(host)s is not to be trusted: it has expired, or is somebody else's."),
            todo=_(
                "Check the address of the source, and have the certificate there, or those trusted here, corrected."
            ),
            who=OPERATOR,
        ),
        is_permanent=True,
    ),
    "timeout": Failure(
        "remote.timeout",
        Sentence(
            _("%(system)s did not answer within %(seconds)s seconds."),
            todo=_("Try again in a while. If it stays so, ask those who run %(system)s."),
            who=MANAGER,
        ),
    ),
    "cut": Failure(
        "remote.cut",
        Sentence(
            _("The connection to %(system)s was cut before the answer was complete."),
            todo=_("Try again in a while."),
            who=MANAGER,
        ),
        is_retried=True,
    ),
    "oversized": Failure(
        "remote.oversized",
        Sentence(
            _("%(system)s answered with more than any answer can hold, and it was not read."),
            todo=_("Try again in a while. If it stays so, ask those who run %(system)s."),
            who=MANAGER,
        ),
    ),
    "garbled": Failure(
        "remote.garbled",
        Sentence(
            _("%(system)s sent an answer that is broken, or packed in a way that cannot be opened."),
            todo=_("Try again in a while. If it stays so, ask those who run %(system)s."),
            who=MANAGER,
        ),
    ),
    # An answer that is not 2xx
    401: _UNAUTHORISED,
    403: _UNAUTHORISED,
    404: Failure(
        "remote.not_found",
        Sentence(
            _("%(system)s does not know what was asked for (HTTP 404)."),
            todo=_("Check that it still exists there."),
            who=MANAGER,
        ),
        is_permanent=True,
        is_about_one=True,
    ),
    408: replace(_SERVER_ERROR, is_retried=False),
    429: Failure(
        "remote.too_many_requests",
        Sentence(
            _("%(system)s says that too many requests have been made (HTTP 429)."),
            todo=_("Wait a few minutes, then try again."),
            who=MANAGER,
        ),
        is_retried=True,
    ),
    "5xx": _SERVER_ERROR,
    # What was sent is not as it has to be, or does not go together with what is there.
    **dict.fromkeys((400, 409, 415, 422), replace(_REFUSED, is_about_one=True)),
    "other": _REFUSED,
}
UNAUTHORISED = FAILURES[401]
NOT_JSON = Failure(
    "remote.not_json",
    Sentence(
        _("%(system)s answered with something that is not data (%(detail)s)."),
        todo=_("It may be a sign-in page or a maintenance page: check the address and the credential of the source."),
        who=LICENCE_ADMIN,
        traits={Trait.ASKS},
    ),
    is_permanent=True,
)
REPEATED = Failure(
    "remote.repeated",
    Sentence(
        _("%(system)s sent an answer that says one thing twice, and so nothing for certain."),
        todo=_("Ask those who run %(system)s if it has changed."),
        who=LADOK,
    ),
    is_permanent=True,
)

register(
    {
        "remote.no_credential": Sentence(
            _("The source has no enabled credential for %(system)s."),
            todo=_("Add one in the administration, or test the one there is, and put it in use."),
            who=LICENCE_ADMIN,
        ),
        "remote.bad_credential": Sentence(
            _("The source's credential for %(system)s cannot be used: %(detail)s."),
            todo=_("Correct it in the administration."),
            who=LICENCE_ADMIN,
        ),
        "remote.unexpected": Sentence(
            _("The answer from %(system)s could not be understood (%(detail)s)."),
            todo=_("Ask those who run %(system)s if it has changed."),
            who=LADOK,
            traits={Trait.ASKS},
        ),
    }
)
