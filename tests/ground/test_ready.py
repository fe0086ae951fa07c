"""What a load balancer is told of a web process: it calls it by its address, without TLS."""

import pytest
from django.db import OperationalError, connection
from django.test import Client

pytestmark = pytest.mark.django_db
BY_ADDRESS = {"host": "10.128.0.7:8000"}


@pytest.fixture(autouse=True)
def _https_only(settings) -> None:
    settings.SECURE_SSL_REDIRECT = True


def test_a_process_that_reaches_the_database_is_ready_under_any_name(client: Client) -> None:
    assert client.get("/ready/", headers=BY_ADDRESS).status_code == 200
    assert client.head("/ready/", headers=BY_ADDRESS).status_code == 200


def test_nothing_else_is_answered_without_tls_and_the_right_name(client: Client) -> None:
    assert client.get("/health/").status_code == 301
    assert client.get("/sign-in/", headers=BY_ADDRESS, secure=True).status_code == 400
    assert client.post("/ready/", secure=True).status_code == 404


def test_a_process_that_does_not_reach_the_database_is_not(client: Client) -> None:
    def gone(*_args) -> None:
        raise OperationalError("the connection is lost")

    with connection.execute_wrapper(gone):
        assert client.get("/ready/", headers=BY_ADDRESS).status_code == 503
