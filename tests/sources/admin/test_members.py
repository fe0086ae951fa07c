from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from sources.models import AuditEntry, Membership

ADD = "admin:sources_membership_add"


def new(cast: Any, email: str, **fields: Any) -> dict[str, Any]:
    return {"source": cast.ours.pk, "email": email, "role": "manager", "organisation_id": "x@ours.example", **fields}


def test_person_who_is_new_gets_in_without_a_password(as_admin: Client, cast: Any) -> None:
    assert as_admin.post(reverse(ADD), new(cast, "Ny.Person@ours.example")).status_code == 302
    made = get_user_model().objects.get(username="ny.person@ours.example")
    assert not made.has_usable_password()
    assert not made.is_staff
    assert Membership.objects.get(user=made).source == cast.ours


def test_person_of_another_source_becomes_a_member_of_both(as_admin: Client, cast: Any) -> None:
    assert as_admin.post(reverse(ADD), new(cast, "ORSA@theirs.example")).status_code == 302
    assert cast.other.memberships.count() == 2


def test_person_cannot_be_added_twice(as_admin: Client, cast: Any) -> None:
    response = as_admin.post(reverse(ADD), new(cast, "ANNA@ours.example"))
    assert "email" in response.context["adminform"].form.errors


def test_people_of_other_sources_are_not_listed_to_choose_from(as_admin: Client, cast: Any) -> None:
    assert "orsa@theirs.example" not in as_admin.get(reverse(ADD)).content.decode()


def test_licence_admin_is_let_into_the_administration_and_out_again(as_root: Client, cast: Any) -> None:
    membership = Membership.objects.get(user=cast.manager)
    address = reverse("admin:sources_membership_change", args=[membership.pk])
    as_root.post(address, {"role": "licence_admin"})
    cast.manager.refresh_from_db()
    assert cast.manager.is_staff
    as_root.post(address, {"role": "manager"})
    cast.manager.refresh_from_db()
    assert not cast.manager.is_staff


def test_nobody_takes_away_their_own_role(as_admin: Client, cast: Any) -> None:
    own = Membership.objects.get(user=cast.admin)
    as_admin.post(reverse("admin:sources_membership_change", args=[own.pk]), {"role": "manager", "can_export": "on"})
    own.refresh_from_db()
    assert own.role == Membership.Role.LICENCE_ADMIN
    assert own.can_export
    assert as_admin.post(reverse("admin:sources_membership_delete", args=[own.pk]), {"post": "yes"}).status_code == 403
    assert Membership.objects.filter(pk=own.pk).exists()


def test_export_right_is_given_and_on_record(as_admin: Client, cast: Any) -> None:
    Membership.objects.update(can_export=False)
    membership = Membership.objects.get(user=cast.manager)
    as_admin.post(
        reverse("admin:sources_membership_change", args=[membership.pk]),
        {
            "role": "manager",
            "organisation_id": membership.organisation_id,
            "can_export": "on",
            "gets_summary": "on",
            "language": "sv",
        },
    )
    membership.refresh_from_db()
    assert membership.can_export
    entry = AuditEntry.objects.get(source=cast.ours)
    assert entry.message == {
        "code": "admin.member_changed",
        "params": {"email": "anna@ours.example", "fields": "can_export"},
    }


def test_removed_member_is_on_record(as_admin: Client, cast: Any) -> None:
    membership = Membership.objects.get(user=cast.manager)
    as_admin.post(reverse("admin:sources_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert not Membership.objects.filter(pk=membership.pk).exists()
    assert AuditEntry.objects.get(source=cast.ours).message["code"] == "admin.member_removed"
