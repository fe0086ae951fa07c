"""What was ticked, on its way into an address. Web servers take some 4,000 characters of it: a few keys stand there as they are, and of
more only a name under which the session keeps them. The name is made of the keys, so that the same choice has the same address, and no
window takes another's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.http import HttpRequest

FEW = 20  # keys in an address
MOST_KEPT = 20  # choices in a session: the newest
TICKED = "ticked"  # in the session, and in the address


def in_address(request: HttpRequest, name: str, keys: Iterable[int]) -> list[tuple[str, str]]:
    """The fields of a query that `keys_in` reads again."""
    values = [str(key) for key in keys]
    if len(values) <= FEW:
        return [(name, value) for value in values]
    print_ = hashlib.sha256(f"{name} {' '.join(values)}".encode()).hexdigest()[:16]
    kept = {other: others for other, others in request.session.get(TICKED, {}).items() if other != print_}
    request.session[TICKED] = dict([*kept.items(), (print_, values)][-MOST_KEPT:])
    return [(TICKED, print_)]


def keys_in(request: HttpRequest, name: str) -> list[str]:
    """The keys of an address, not yet looked at; none where the session has them no more."""
    return [*request.GET.getlist(name), *request.session.get(TICKED, {}).get(request.GET.get(TICKED, ""), [])]


def is_gone(request: HttpRequest) -> bool:
    """Whether the address means a choice that the session has no more: what stands for nobody chosen must not be taken for all."""
    return TICKED in request.GET and request.GET[TICKED] not in request.session.get(TICKED, {})
