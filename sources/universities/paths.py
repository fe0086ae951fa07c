"""The paths of a source's Ladok side, where they differ from the university's own: templates under the source's address."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# What each holds, and nothing else; the list of a course is asked with a parameter.
PLACEHOLDERS = {"list": (), "fetch": ("{code}",), "export": ("{code}",), "list_by_dates": ("{from}", "{to}")}
PATHS = tuple(PLACEHOLDERS)


def check_path(key: str, path: str) -> None:
    """`key` is one of PATHS. ValidationError says what is wrong, and with which."""
    if not path.strip():
        raise ValidationError(_("The value of %(key)s must be a text."), params={"key": key})
    if not path.startswith("/"):
        raise ValidationError(_("The value of %(key)s must begin with %(start)s."), params={"key": key, "start": "/"})
    for placeholder in PLACEHOLDERS[key]:
        if placeholder not in path:
            raise ValidationError(
                _("The path of %(key)s must hold %(placeholder)s."), params={"key": key, "placeholder": placeholder}
            )
    for braces in re.findall(r"\{[^}]*\}?|\}", path):
        if braces not in PLACEHOLDERS[key]:
            raise ValidationError(
                _(
                    "%(found)s in the path of %(key)s means nothing: {code} is filled in, in fetch and export, and {from} and {to} in "
                    "list_by_dates."
                ),
                params={"found": braces, "key": key},
            )
