"""What the queue calls. The work and the truth about it are in the services."""

from __future__ import annotations

from sources.flows import batch, coming, create, rules
from sources.models import Source
from sources.signals import names_hidden
from sources.subscriptions import delivery
from sources.sync import nightly, run
from sources.universities import rights
from sources.webhooks import handle


def create_flow(pk: str) -> None:
    create.create_flow(int(pk))


def request_exam(pk: str) -> None:
    batch.request_exam(int(pk))


def sync_flow(run_pk: str) -> None:
    nightly.go_on(run.run_sync(run_pk))


def handle_webhook(pk: str) -> None:
    handle.handle(int(pk))


def hide_names(source_pk: str) -> None:
    names_hidden.send(sender=Source, source=Source.objects.get(pk=source_pk))


def deliver(pk: str) -> None:
    delivery.deliver(pk)


def tell_of_rights(audit_pk: str) -> None:
    rights.tell(int(audit_pk))


def follow_rule(pk: str) -> None:
    rules.follow(int(pk))


def follow_rules() -> None:
    """Called every few minutes: has the rules for flows looked at whose source's time has come."""
    rules.follow_due()


def sync_night() -> None:
    """Called every minute: asks for the nightly synchronisation of each source whose time has come."""
    nightly.request_night_syncs()


def list_coming_exams() -> None:
    """Called every few minutes: asks for the coming exams of each source whose Ladok has not been asked for some hours."""
    coming.ask_for_due()


def read_coming_exams(source_pk: str) -> None:
    coming.read_coming_exams(int(source_pk))
