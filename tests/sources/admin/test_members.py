from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from sources.admin.membership import RIGHTS
from sources.models import AuditEntry, Membership
from sources.universities.permissions import GIVEN
from sources.universities.rights import tell
from tests.factories import MembershipFactory, UserFactory

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
    as_admin.post(reverse("admin:sources_membership_change", args=[own.pk]), {"role": "manager", "language": "sv"})
    own.refresh_from_db()
    assert own.role == Membership.Role.LICENCE_ADMIN
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
        "params": {
            "email": "anna@ours.example",
            "fields": {"changes_of": "sources.membership", "rows": [["can_export", False, True]]},
        },
    }


def test_removed_member_is_on_record(as_admin: Client, cast: Any) -> None:
    membership = Membership.objects.get(user=cast.manager)
    as_admin.post(reverse("admin:sources_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert not Membership.objects.filter(pk=membership.pk).exists()
    assert AuditEntry.objects.get(source=cast.ours).message["code"] == "admin.member_removed"


def changed(client: Client, membership: Membership, **fields: Any) -> Membership:
    now = {
        "role": membership.role,
        "organisation_id": membership.organisation_id,
        **({"can_export": "on"} if membership.can_export else {}),
        "gets_summary": "on",
        "language": "sv",
    }
    client.post(reverse("admin:sources_membership_change", args=[membership.pk]), now | fields)
    membership.refresh_from_db()
    return membership


def letters(entry: AuditEntry) -> dict[str, str]:
    mail.outbox.clear()
    tell(entry.pk)
    return {letter.to[0]: letter.body for letter in mail.outbox}


@pytest.mark.parametrize("field", RIGHTS)
def test_nobody_changes_their_own_rights_or_who_they_are(as_admin: Client, cast: Any, field: str) -> None:
    """Another licence admin of the source does."""
    given = dict.fromkeys(GIVEN, False)
    Membership.objects.filter(user=cast.admin).update(organisation_id="lars@ours.example", **given)
    own = Membership.objects.get(user=cast.admin)
    before = getattr(own, field)
    other = {"role": "manager", "organisation_id": "birgit@ours.example"}.get(field, "on")
    assert getattr(changed(as_admin, own, **{field: other}), field) == before
    second = MembershipFactory(source=cast.ours, role="licence_admin", user=UserFactory(is_staff=True)).user
    as_admin.force_login(second)
    assert getattr(changed(as_admin, own, **{field: other}), field) != before


def test_nobody_gets_the_organisation_id_of_somebody_else(as_admin: Client, cast: Any) -> None:
    anna = Membership.objects.get(user=cast.manager)
    taken = Membership.objects.get(user=cast.admin).organisation_id
    assert changed(as_admin, anna, organisation_id=f" {taken.upper()}").organisation_id == "anna@ours.example"
    response = as_admin.post(reverse(ADD), new(cast, "ny@ours.example", organisation_id=taken))
    assert "organisation_id" in response.context["adminform"].form.errors


def test_the_others_and_whom_it_is_about_are_told_of_rights(as_admin: Client, cast: Any) -> None:
    MembershipFactory(
        source=cast.ours, role="licence_admin", language="en", user=UserFactory(email="second@ours.example")
    )
    anna = Membership.objects.get(user=cast.manager)
    changed(as_admin, anna, can_export="", organisation_id="a@ours.example")
    told = letters(AuditEntry.objects.latest("pk"))
    assert set(told) == {"second@ours.example", "anna@ours.example"}
    assert (
        "Organisation id: anna@ours.example → a@ours.example; May export grades: Yes → No"
        in told["second@ours.example"]
    )
    assert "lars@ours.example did this at" in told["second@ours.example"]
    as_admin.post(reverse(ADD), new(cast, "ny@ours.example", role="licence_admin"))
    assert set(letters(AuditEntry.objects.latest("pk"))) == {"second@ours.example", "ny@ours.example"}
    as_admin.post(reverse("admin:sources_membership_delete", args=[anna.pk]), {"post": "yes"})
    assert "anna@ours.example" in letters(AuditEntry.objects.latest("pk"))
    assert OrmQ.objects.count() == 3 + 1  # and an invitation to who is new


def test_where_there_is_no_other_licence_admin_the_operators_are_told(as_admin: Client, cast: Any) -> None:
    changed(as_admin, Membership.objects.get(user=cast.manager), can_export="")
    assert set(letters(AuditEntry.objects.latest("pk"))) == {"root@example.org", "anna@ours.example"}


def test_what_is_no_right_is_told_nobody(as_admin: Client, cast: Any) -> None:
    changed(as_admin, Membership.objects.get(user=cast.manager), language="en")
    assert AuditEntry.objects.latest("pk").message["params"]["fields"]["rows"] == [["language", "sv", "en"]]
    assert not OrmQ.objects.exists()


def test_a_letter_about_rights_is_in_words_and_leads_where_its_reader_may_go(as_admin: Client, cast: Any) -> None:
    MembershipFactory(
        source=cast.ours, role="licence_admin", language="en", user=UserFactory(email="second@ours.example")
    )
    anna = Membership.objects.get(user=cast.manager)
    changed(as_admin, anna, role="auditor", can_export="", language="sv")
    told = letters(AuditEntry.objects.latest("pk"))
    assert "Role: Manager → Auditor" in told["second@ours.example"]
    assert reverse("admin:sources_membership_changelist") in told["second@ours.example"]
    assert "manager →" not in told["anna@ours.example"]  # in her own language
    assert "/admin/" not in told["anna@ours.example"]


OWN = {"role": "licence_admin", "organisation_id": "root@example.org"}


def test_an_operator_does_not_become_a_member_by_their_own_hand(as_root: Client, cast: Any) -> None:
    for fields in (OWN, OWN | {"can_export": "on"}, {"role": "manager"}):
        response = as_root.post(reverse(ADD), new(cast, "ROOT@example.org", **fields))
        assert "email" in response.context["adminform"].form.errors
    assert not cast.root.memberships.exists()


def test_an_operator_can_be_the_first_licence_admin_and_gives_themselves_nothing_more(
    as_root: Client, cast: Any
) -> None:
    Membership.objects.filter(user=cast.admin).delete()
    for fields in (OWN | {"can_export": "on"}, {"role": "manager"}):
        assert as_root.post(reverse(ADD), new(cast, "root@example.org", **fields)).status_code == 200
    assert as_root.post(reverse(ADD), new(cast, "root@example.org", **OWN)).status_code == 302
    own = Membership.objects.get(user=cast.root)
    assert AuditEntry.objects.filter(source=cast.ours, message__code="admin.member_added_with").exists()
    assert not changed(as_root, own, can_export="on").can_export
    assert as_root.post(reverse("admin:sources_membership_delete", args=[own.pk]), {"post": "yes"}).status_code == 403


def test_a_member_who_is_an_operator_as_well_raises_nothing_of_their_own(as_root: Client, cast: Any) -> None:
    own = MembershipFactory(source=cast.ours, user=cast.root, can_export=False)
    assert not changed(as_root, own, can_export="on").can_export
    assert changed(as_root, own, role="licence_admin").role == "manager"


def test_the_list_shows_what_members_may_whether_by_role_or_given(as_admin: Client, cast: Any) -> None:
    Membership.objects.filter(user=cast.admin).update(can_export=False)
    rows = as_admin.get(reverse("admin:sources_membership_changelist")).text.split("<tr>")
    (own,) = (row for row in rows if "lars@ours.example</a>" in row)
    shown = {column: f'field-{column}"><img src="/static/admin/img/icon-yes' in own for column in GIVEN}
    assert shown == {"can_export": False, "can_archive": False, "can_see_logs": True, "can_see_small_groups": True}
