"""Memberships by sign-in: nobody hands out by a rule what they do not have, and the others are told of each."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from sources.models import AuditEntry, Membership, MembershipRule, SignInScope
from tests.factories import MembershipFactory
from tests.sources.admin.test_members import letters

ADD = "admin:sources_membershiprule_add"
TYPED = {"issuer": "https://idp.ours.example", "attribute": "groups", "value": "staff"}


def rule(cast: Any, **fields: Any) -> MembershipRule:
    made: MembershipRule = MembershipRule.objects.create(source=cast.ours, **TYPED, **fields)
    return made


def page_of(row: Any, view: str = "change") -> str:
    return reverse(f"admin:sources_{row._meta.model_name}_{view}", args=[row.pk])


@pytest.fixture
def as_admin_who_exports_nothing(cast: Any, as_admin: Client) -> Client:
    Membership.objects.filter(user=cast.admin).update(can_export=False)
    return as_admin


@pytest.mark.parametrize("role", Membership.Role.values)
@pytest.mark.parametrize("gives_export", [False, True])
@pytest.mark.parametrize("maker_exports", [False, True])
def test_a_rule_gives_no_more_than_its_maker_has(
    as_admin: Client, cast: Any, role: str, gives_export: bool, maker_exports: bool
) -> None:
    """It names nobody, so it may come to be its maker's own: by hand nobody raises themselves."""
    Membership.objects.filter(user=cast.admin).update(can_export=maker_exports)
    typed = {"source": cast.ours.pk, **TYPED, "role": role} | ({"can_export": "on"} if gives_export else {})
    as_admin.post(reverse(ADD), typed)
    is_of_an_auditor = gives_export and role == Membership.Role.AUDITOR  # which the database refuses
    assert MembershipRule.objects.exists() == ((maker_exports or not gives_export) and not is_of_an_auditor)


def test_a_rule_that_gives_more_is_refused_with_what_to_do(as_admin_who_exports_nothing: Client, cast: Any) -> None:
    typed = {"source": cast.ours.pk, **TYPED, "role": "manager", "can_export": "on"}
    told = as_admin_who_exports_nothing.post(reverse(ADD), typed, headers={"accept-language": "en"}).text
    assert "more than you may do yourself at Vårt universitet" in told
    assert "ask a licence admin who has these rights" in told


@pytest.mark.parametrize("changed", [{"value": "lars"}, {"issuer": "https://idp.evil.example"}, {"can_export": "on"}])
def test_nobody_raises_themselves_by_changing_a_rule(
    as_admin_who_exports_nothing: Client, cast: Any, changed: dict[str, str]
) -> None:
    """Neither what it gives, nor to whom."""
    given = rule(cast, can_export="can_export" not in changed)
    before = MembershipRule.objects.values().get()
    now = TYPED | {"role": "manager"} | ({"can_export": "on"} if given.can_export else {})
    assert as_admin_who_exports_nothing.post(page_of(given), now | changed).status_code == 200
    assert MembershipRule.objects.values().get() == before


def test_an_operator_who_is_no_member_makes_no_member_by_a_rule(as_root: Client, cast: Any) -> None:
    """By hand nobody makes themselves a member, and whoever runs LadokFlow signs in at a university, too."""
    typed = {"source": cast.ours.pk, **TYPED, "role": "manager"}
    assert as_root.post(reverse(ADD), typed).status_code == 403
    assert not MembershipRule.objects.exists()


def test_the_others_are_told_of_rules_and_scopes_that_come_change_and_go(as_admin: Client, cast: Any) -> None:
    other = MembershipFactory(source=cast.ours, role=Membership.Role.LICENCE_ADMIN)
    as_admin.post(reverse(ADD), {"source": cast.ours.pk, **TYPED, "role": "manager"})
    as_admin.post(page_of(MembershipRule.objects.get()), TYPED | {"role": "auditor"})
    as_admin.post(page_of(MembershipRule.objects.get(), "delete"), {"post": "yes"})
    as_admin.post(reverse("admin:sources_signinscope_add"), {"source": cast.ours.pk, "scope": "ours.example"})
    as_admin.post(page_of(SignInScope.objects.get()), {"scope": "our.example"})
    as_admin.post(page_of(SignInScope.objects.get(), "delete"), {"post": "yes"})
    entries = AuditEntry.objects.order_by("pk")
    assert [entry.message["code"].partition(".")[2] for entry in entries] == [
        "rule_added",
        "rule_changed",
        "rule_removed",
        "scope_added",
        "scope_changed",
        "scope_removed",
    ]
    queued = [task.task["args"] for task in OrmQ.objects.order_by("pk")]
    assert queued == [(str(entry.pk),) for entry in entries]
    for entry in entries:
        kind = "membershiprule" if ".rule_" in entry.message["code"] else "signinscope"
        assert f"/admin/sources/{kind}/" in letters(entry)[other.user.email]
