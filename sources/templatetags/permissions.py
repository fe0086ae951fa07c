"""What a reader may not do stands on no page: `{% allowed "flows:sync" flow %} ... {% endallowed %}`."""

from __future__ import annotations

from typing import Any

from django import template

from sources.models import Source
from sources.universities.permissions import PAGES, Access, Right, rights_in, shown_to

register = template.Library()


@register.simple_block_tag(takes_context=True)
def allowed(context: Any, content: str, name: str, about: Any = None) -> str:
    """A form, or a link to one, for whoever may send it; `about` is a source or something of one, and without it any source will do.

    A reader for whom the export right alone is missing is shown it, or told why not, by the page itself.
    """
    look, send = PAGES[name]
    needed = shown_to(look if send is Access.NOBODY else send)
    pk = about.pk if isinstance(about, Source) else getattr(about, "source_id", None)
    is_allowed = not isinstance(needed, Right) or rights_in(context["request"]).may(needed, pk)
    return content if is_allowed else ""
