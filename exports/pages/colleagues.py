"""Who can do what the reader may not, to be named in place of a button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from sources.models import Membership, Source


@dataclass
class Colleagues:
    """Who can do at a source what somebody else may not; one query, and only where somebody has to be named."""

    exporters: dict[Any, list[str]] = field(default_factory=dict)
    admins: dict[Any, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, sources: Mapping[Any, Source]) -> Colleagues:
        found = cls()
        if not sources:
            return found
        rows = Membership.objects.filter(source__in=sources)
        able = rows.filter(Q(can_export=True) | Q(role=Membership.Role.LICENCE_ADMIN), user__is_active=True)
        names = ("user__first_name", "user__last_name", "user__username")
        shown = able.select_related("user").only("source_id", "role", "organisation_id", "can_export", *names)
        for member in shown.order_by("user__first_name", "user__last_name", "pk"):
            name = member.user.get_full_name() or member.user.get_username()
            names_sender = sources[member.source_id].rules.names_sender
            if member.can_export and (member.organisation_id or not names_sender):
                found.exporters.setdefault(member.source_id, []).append(name)
            if member.role == Membership.Role.LICENCE_ADMIN:
                found.admins.setdefault(member.source_id, []).append(name)
        return found

    def who_export(self, source: Any) -> tuple[str, ...]:
        """Where nobody may, those who can give the right."""
        return tuple(self.exporters.get(source) or self.admins.get(source) or ())
