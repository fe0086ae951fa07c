"""What the tests of signing in at the university share: both kinds of provider, and LadokFlow as they know it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import Client

from ladokflow.federation import metadata, oidc
from ladokflow.kept import Answers
from tests.providers.running import running
from tests.providers.saml import key_pair

OUR_URL = "http://127.0.0.1:8000"
PROVIDER = {"PERSON": "anna", "PASSWORD": "at the university"}


@pytest.fixture(scope="session")
def saml_process() -> Iterator[str]:
    with running("tests.providers.saml") as url:
        yield url


@pytest.fixture(scope="session")
def oidc_process() -> Iterator[str]:
    with running("tests.providers.oidc") as url:
        yield url


@pytest.fixture(scope="session")
def our_keys() -> list[tuple[str, str]]:
    return [key_pair("ladokflow"), key_pair("ladokflow, the next")]


@pytest.fixture
def saml(saml_process: str, settings: Any, our_keys: list[tuple[str, str]]) -> Iterator[str]:
    """The address of an identity provider that LadokFlow knows by the federation's signed metadata."""
    metadata.forget()
    settings.PUBLIC_URL = OUR_URL
    settings.SAML_ENTITY_ID = f"{OUR_URL}/sign-in/saml/metadata/"
    settings.SAML_KEYS = "\n".join(our_keys[0])
    settings.SAML_METADATA_CERTIFICATE = httpx.get(f"{saml_process}/keys").json()["federation"]
    settings.SAML_MDQ_URL = f"{saml_process}/mdq"
    settings.SAML_DISCOVERY_URL = f"{saml_process}/discovery"
    yield saml_process
    metadata.forget()


@pytest.fixture
def openid(oidc_process: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a provider of OpenID Connect that does all as it should, until `/wrong/?with=...` is called."""
    monkeypatch.setattr(oidc, "_published", Answers(600))
    settings.PUBLIC_URL = OUR_URL
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = f"{oidc_process}/o", "ladokflow"
    settings.OIDC_CLIENT_SECRET = "a secret between the two"
    httpx.get(f"{oidc_process}/wrong/")
    yield oidc_process
    httpx.get(f"{oidc_process}/wrong/")


# --- Somebody at their university, without a browser


def saml_answer(client: Client, begin: str = "/sign-in/saml/", **given: str) -> str:
    """What the identity provider has the browser send, base64, for what was begun in this browser."""
    address = client.get(begin).headers["Location"]
    if "/discovery" in address:
        back = re.search(r'href="([^"]+)"', httpx.get(address).text)[1].replace("&amp;", "&")
        address = client.get(back.removeprefix(OUR_URL)).headers["Location"]
    return re.search(r'name="SAMLResponse" value="([^"]+)"', httpx.post(address, data=given).text)[1]


def saml_sign_in(client: Client, begin: str = "/sign-in/saml/", **given: str) -> Any:
    return client.post("/sign-in/saml/answer/", {"SAMLResponse": saml_answer(client, begin, **given)})


def oidc_way_back(client: Client, begin: str = "/sign-in/oidc/") -> str:
    """The address that the provider sends the browser back to."""
    with httpx.Client(follow_redirects=False) as browser:
        address = client.get(begin).headers["Location"]
        asked = browser.get(address)
        login = browser.get(httpx.URL(address).join(asked.headers["Location"]))
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', login.text)[1]
        form = {"username": PROVIDER["PERSON"], "password": PROVIDER["PASSWORD"], "csrfmiddlewaretoken": token}
        done = browser.post(login.url, data=form | {"next": login.url.params["next"]})
        answered = browser.get(login.url.join(done.headers["Location"]))
        return answered.headers["Location"].removeprefix(OUR_URL)
