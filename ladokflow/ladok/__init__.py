"""A university's Ladok side. A new university is one new module here that defines `university`, and nothing else."""

import importlib
import pkgutil

import ladokflow.ladok.messages  # noqa: F401 - the sentences
from ladokflow.ladok.university import University

__all__ = ["UNIVERSITIES", "University", "find_universities"]


def find_universities() -> dict[str, University]:
    """Those that the modules of this folder define, by slug, in the order of their names."""
    universities: dict[str, University] = {}
    for entry in pkgutil.iter_modules(__path__):
        university = getattr(importlib.import_module(f"{__name__}.{entry.name}"), "university", None)
        if not isinstance(university, University):
            continue
        if university.slug in universities:
            raise ValueError(f"Two modules in ladokflow/ladok define a university with the slug {university.slug}.")
        universities[university.slug] = university
    return dict(sorted(universities.items(), key=lambda item: item[1].name))


UNIVERSITIES = find_universities()
