"""What a source and a credential know of themselves."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from sources.models import Credential
from sources.models.source import validate_exam_page, validate_flow_page
from tests.factories import CredentialFactory, FlowFactory, SourceFactory
from tests.ladok.test_certificates import identity


def test_the_page_of_a_flow_and_of_an_exam_are_known_where_the_university_says_where_they_are() -> None:
    source = SourceFactory.build()
    assert (source.page_of_flow(225), source.page_of_exam("A")) == ("", "")
    source.flow_page = "https://europe.wiseflow.example/manager/display.php?id={flow}"
    source.exam_page = "https://ladok.example/tillfalle/{code}/oversikt"
    assert source.page_of_flow(225) == "https://europe.wiseflow.example/manager/display.php?id=225"
    assert source.page_of_exam("TEN Å/1?") == "https://ladok.example/tillfalle/TEN%20%C3%85%2F1%3F/oversikt"
    assert source.page_of_flow(None) == ""
    flow = FlowFactory.build(source=source, wiseflow_id=225)
    assert flow.wiseflow_page.endswith("id=225")
    flow.former_host = "https://elsewhere.example"  # there it may be another flow's number
    assert flow.wiseflow_page == ""


@pytest.mark.parametrize(
    "address",
    [
        "wiseflow.example/{flow}",
        "javascript:alert('{flow}')",
        "https://{flow}.wiseflow.example/",
        "https://wiseflow.example/",
        "https://wiseflow.example/{flow}/{code}",
        "https://wiseflow.example/{flow",
        "https://user:secret@wiseflow.example/{flow}",
        "//wiseflow.example/{flow}",
        "https:///{flow}",
    ],
)
def test_what_is_no_address_of_a_page_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        validate_flow_page(address)
    with pytest.raises(ValidationError):
        validate_exam_page(address.replace("{flow}", "{code}").replace("{code}/{code}", "{code}/{flow}"))


@pytest.mark.django_db
def test_a_credential_knows_when_its_certificate_stops_being_valid() -> None:
    authority, late = identity("CA"), identity("late", is_expired=True)
    own = identity("ladokflow", authority)
    row = CredentialFactory(kind=Credential.Kind.CLIENT_CERTIFICATE, secret=own.pem() + authority.public)
    assert row.expires_at == min(one.certificate.not_valid_after_utc for one in (own, authority))
    row.secret = late.pem()
    row.save()
    assert Credential.objects.get().expires_at == late.certificate.not_valid_after_utc
    row.secret = "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----"
    row.save()
    assert row.expires_at is None
    assert CredentialFactory().expires_at is None
