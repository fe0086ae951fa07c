"""A university's Ladok side. A new university is one new module here that defines `university`, and nothing else."""

import importlib
import pkgutil

import ladokflow.ladok.messages  # noqa: F401 - the sentences
from ladokflow.ladok.university import University

__all__ = ["UNIVERSITIES", "University"]


def _find_universities() -> dict[str, University]:
    found: dict[str, University] = {}
    for entry in pkgutil.iter_modules(__path__):
        university = getattr(importlib.import_module(f"{__name__}.{entry.name}"), "university", None)
        if not isinstance(university, University):
            continue
        if university.slug in found:
            raise ValueError(f"Two modules in ladokflow/ladok define a university with the slug {university.slug}.")
        found[university.slug] = university
    return dict(sorted(found.items(), key=lambda item: item[1].name))


UNIVERSITIES = _find_universities()
