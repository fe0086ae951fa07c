"""What the queue calls. The work and the truth about it are in the services."""

from __future__ import annotations

from ladokflow.queue import at_work
from sources.flows import batch, coming, create, rules
from sources.identity import accounts, invitations, passwords
from sources.logs import read
from sources.models import Source
from sources.signals import names_hidden
from sources.subscriptions import delivery
from sources.sync import nightly, run
from sources.universities import expiry, rights
from sources.webhooks import handle


def create_flow(pk: str) -> None:
    with at_work(flow=pk):
        create.create_flow(int(pk))


def request_exam(pk: str) -> None:
    with at_work(batch_exam=pk):
        batch.request_exam(int(pk))


def sync_flow(run_pk: str) -> None:
    with at_work(run=run_pk):
        nightly.go_on(run.run_sync(run_pk))


def handle_webhook(pk: str) -> None:
    with at_work(webhook_call=pk):
        handle.handle(int(pk))


def hide_names(source_pk: str) -> None:
    with at_work(source=source_pk):
        names_hidden.send(sender=Source, source=Source.objects.get(pk=source_pk))


def deliver(pk: str) -> None:
    with at_work(delivery=pk):
        delivery.deliver(pk)


def tell_of_rights(audit_pk: str) -> None:
    rights.tell(int(audit_pk))


def send_invitation(pk: str) -> None:
    invitations.send(int(pk))


def send_password_letter(user_pk: str) -> None:
    passwords.send_letter(int(user_pk))


def tell_of_password(user_pk: str) -> None:
    passwords.tell(int(user_pk))


def tell_of_account(change: str) -> None:
    accounts.tell(accounts.Change.from_key(change))


def follow_rule(pk: str) -> None:
    with at_work(rule=pk):
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
    with at_work(source=source_pk):
        coming.read_coming_exams(int(source_pk))


def want_logs() -> None:
    """Called every few minutes: asks for the logs of each source whose night has come."""
    read.want_due()


def read_logs(reading_pk: str) -> None:
    with at_work(log_reading=reading_pk):
        read.read_log(int(reading_pk))


def tell_of_expiring() -> None:
    """Called every hour: e-mails those who can renew a credential that will soon stop working."""
    expiry.tell_of_expiring()
