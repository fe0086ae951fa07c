"""The paths of a source's Ladok side, where they differ from the university's own: templates under the source's address."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

PATHS = ("list", "fetch", "export")
OF_ONE_EXAM = ("fetch", "export")  # the list is asked with a parameter
PLACEHOLDER = "{code}"


def check_path(key: str, path: str) -> None:
    """`key` is one of PATHS. ValidationError says what is wrong, and with which."""
    if not path.strip():
        raise ValidationError(_("The value of %(key)s must be a text."), params={"key": key})
    if not path.startswith("/"):
        raise ValidationError(_("The value of %(key)s must begin with %(start)s."), params={"key": key, "start": "/"})
    if key in OF_ONE_EXAM and PLACEHOLDER not in path:
        raise ValidationError(_("The path of %(key)s must hold {code}."), params={"key": key})
    for braces in re.findall(r"\{[^}]*\}?|\}", path):
        if braces != PLACEHOLDER or key not in OF_ONE_EXAM:
            raise ValidationError(
                _("%(found)s in the path of %(key)s means nothing: only {code} is filled in, in fetch and export."),
                params={"found": braces, "key": key},
            )
