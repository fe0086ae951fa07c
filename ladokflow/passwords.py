"""Passwords that are tried first, in Swedish too: `Sommar2026!` is long enough, and has everything that rules of signs ask for."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

SHORTEST_WORD = 3
MOST_WORDS = 2  # of which a password that is refused is made up
# Written without dots and rings, as passwords are compared.
SWEDISH = """
    sommar sommaren vinter vintern host hosten var varen host jul julen julafton pask midsommar nyar semester
    januari februari mars april maj juni juli augusti september oktober november december
    mandag tisdag onsdag torsdag fredag lordag sondag helg vecka idag imorgon
    losenord losenordet losen lozenord hemlig hemligt hemlighet kod koden inloggning konto anvandare byt bytmig andra andramig
    hej hejsan hejhej tjena hallo valkommen valkomna god morgon kvall tack
    sverige svensk svenska stockholm goteborg malmo uppsala linkoping orebro boras lund umea vasteras norrkoping helsingborg jonkoping
    universitet hogskola hogskolan student studenten studera skola skolan tenta tentamen examen kurs betyg larare rektor prefekt
    ladok ladokflow wiseflow uniwise inspera canvas admin administrator test testar demo
    alska alskar alskling karlek pussgurka gumman gubben mamma pappa morfar mormor farmor farfar familj familjen
    hund hunden katt katten hast hasten fotboll hockey djurgarden hammarby aik malmoff ifk blavitt frolunda brynas farjestad
    kaffe fika bulle kanelbulle ost korv pizza glass choklad godis
    rod bla blatt gron gul svart vit rosa sol solen sommarsol regn sno snon vatten skog skogen hav havet
    anna eva maria karin kristina lena sara emma elin julia maja alice erik lars karl anders johan per nils olle oskar gustav
    daniel mikael fredrik stefan peter jan hans bengt ulla kerstin birgitta ingrid linnea ebba wilma hugo elsa astrid
"""
_SIGNS = str.maketrans("013457@$!|€", "oieastasile")


def _plain(text: str) -> str:
    """Without case, dots and rings."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


@cache
def _words() -> frozenset[str]:
    known = {_plain(word) for word in CommonPasswordValidator().passwords}
    return frozenset(word for word in known if word.isalpha() and len(word) >= SHORTEST_WORD) | frozenset(
        SWEDISH.split()
    )


def is_common(password: str) -> bool:
    """Whether it is one or two common words, or none, with digits and signs before, after and in place of letters."""
    plain = _plain(password)
    cores = {re.sub(r"[^a-z]", "", plain), re.sub(r"[^a-z]", "", _without_ends(plain).translate(_SIGNS))}
    return any(len(core) < SHORTEST_WORD or _is_made_of(core, MOST_WORDS) for core in cores)


def _without_ends(plain: str) -> str:
    return re.sub(r"\A[^a-z]+|[^a-z]+\Z", "", plain)


def _is_made_of(core: str, words: int) -> bool:
    if core in _words():
        return True
    return words > 1 and any(
        core[:place] in _words() and _is_made_of(core[place:], words - 1)
        for place in range(SHORTEST_WORD, len(core) - SHORTEST_WORD + 1)
    )


class CommonWordValidator:
    def validate(self, password: str, user: Any = None) -> None:
        if is_common(password):
            raise ValidationError(
                _(
                    "This is a common word, name or season with digits or signs about it, which is tried first. Take several words that do not belong together."
                ),
                code="password_too_common",
            )

    def get_help_text(self) -> str:
        return _("Your password must not be a common word, name or season with digits or signs about it.")
