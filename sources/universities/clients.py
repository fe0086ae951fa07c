"""The clients with which we speak to a source's two systems, and the test of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Q
from django.utils import timezone

from ladokflow.fields import DecryptionFailed
from ladokflow.http import RemoteError
from ladokflow.kept import name_of
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.errors import UnknownToLadok
from ladokflow.messages import Message, message
from ladokflow.privacy import names_of
from ladokflow.wiseflow.client import WiseflowClient
from sources.models import Credential, Flow, FlowSource, Source
from sources.people import knowing_people_of_flow
from sources.universities.licence import DATA_TYPES, USER_ROLES, Lists, find_data_type, find_role, find_scale

Client = TypeVar("Client", LadokClient, WiseflowClient)

# A course code and an exam code that no university has: the test asks for them and expects to hear so.
UNHEARD_OF = "LADOKFLOW-TEST"
USED_EVERY = dt.timedelta(minutes=5)  # so often at most it is written down that a credential is used
# The source's columns that say where and how grades are sent, and what its answers mean
WAY_TO_LADOK = (
    "university", "ladok_url", "ladok_paths", "export_method", "export_body", "timezone", "already_patterns",
)  # fmt: skip
# What is told of the form in which the licence gives out grades.
GRADE_FORMS = {
    "": "sources.check.grade_form_unknown",
    Source.GradeForm.SHOWN: "sources.check.grades_as_shown",
    Source.GradeForm.STORED: "sources.check.grades_as_stored",
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, in words."""

    ok: bool
    message: Message
    proves_credential: bool = False  # the other side has accepted it; whatever else may have to be set right


def _credential(source: Source, system: str, given: Credential | None) -> tuple[Credential, str]:
    """The one that is given, or the newest enabled one, of which it is written down that it is used; and its secret."""
    credential, secret = _in_use(source, system, given)
    if given is None:
        _write_down_use(credential)
    return credential, secret


def _in_use(source: Source, system: str, given: Credential | None = None) -> tuple[Credential, str]:
    name = Credential.System(system).label
    try:
        credential = given or Credential.objects.filter(source=source, system=system).newest_enabled().first()
    except DecryptionFailed as error:
        detail = "FIELD_ENCRYPTION_KEYS"
        raise RemoteError(message("remote.bad_credential", system=name, detail=detail), permanent=True) from error
    if credential is None:
        raise RemoteError(message("remote.no_credential", system=name), permanent=True)
    if credential.former_host:
        facts = {"system": name, "label": credential.label, "former": credential.former_host}
        raise RemoteError(message("sources.credential_of_another_host", **facts), permanent=True)
    return credential, credential.secret


def _write_down_use(credential: Credential) -> None:
    before = timezone.now() - USED_EVERY
    if credential.last_used_at is None or credential.last_used_at < before:
        rows = Credential.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=before), pk=credential.pk)
        rows.update(last_used_at=timezone.now())


def way_to_ladok(source: Source) -> tuple[Any, ...]:
    """What a client of `ladok_for` and its requests are made of, with a name for the credential. RemoteError as there."""
    credential, secret = _in_use(source, Credential.System.LADOK)
    signs_in_with = name_of(credential.kind, credential.client_id, secret)
    return (*(getattr(source, name) for name in WAY_TO_LADOK), signs_in_with)


def ladok_for(of: Source | Flow, credential: Credential | None = None) -> AbstractContextManager[LadokClient]:
    """A client of a source's Ladok side. RemoteError where no credential is enabled. `credential`: one that is to be tried instead of
    the one in use.

    Nothing that is told in here names a student where the university hides names. For whoever asks about a flow, and gives it instead of
    its source, what is told hides the national ids of its people in any spelling.
    """
    source, is_tried = _source_of(of), credential is not None
    credential, secret = _credential(source, Credential.System.LADOK, credential)
    client = LadokClient(
        base_url=source.ladok_url,
        kind=credential.kind,
        client_id=credential.client_id,
        secret=secret,
        paths=source.ladok_paths,
        tz=source.tz,
        owner="" if is_tried else f"{source.pk} {Credential.System.LADOK}",
    )
    return _hiding(of, client)


def wiseflow_for(
    of: Source | Flow,
    last_look: Callable[[], None] | None = None,
    *,
    shares_answers: bool = False,
    credential: Credential | None = None,
) -> AbstractContextManager[WiseflowClient]:
    """A client of a source's WISEflow licence. RemoteError where no credential is enabled. `last_look` is called right before the first
    byte of each writing; `of`, `credential`, and what is told in here, are as of `ladok_for`.

    `shares_answers`: for what goes on by itself, flow after flow. Scales, roles and the like may then be as they were a minute ago, so
    nothing that a person waits for after having changed them, and nothing that is sent to Ladok, goes by such answers.
    """
    source, is_tried = _source_of(of), credential is not None
    credential, secret = _credential(source, Credential.System.WISEFLOW, credential)
    client = WiseflowClient(
        base_url=source.wiseflow_url,
        kind=credential.kind,
        client_id=credential.client_id,
        secret=secret,
        last_look=last_look,
        owner="" if is_tried else f"{source.pk} {Credential.System.WISEFLOW}",
        shares_answers=shares_answers,
    )
    return _hiding(of, client)


def _source_of(of: Source | Flow) -> Source:
    return of.source if isinstance(of, Flow) else of


@contextmanager
def _hiding(of: Source | Flow, client: Client) -> Iterator[Client]:
    hidden = knowing_people_of_flow(of) if isinstance(of, Flow) else names_of(is_protected=of.protects_identity)
    with hidden, client:
        yield client


def lists_of(source: Source) -> Lists:
    """What the licence has now. Call it outside a transaction."""
    try:
        with wiseflow_for(source) as client:
            return Lists(client.grading_scales(), client.user_data_types(), client.flow_types())
    except RemoteError as error:
        return Lists(failure=error.message)


def check_connection(source: Source, system: str, credential: Credential | None = None) -> list[Check]:
    """Try the source's credential for `system` ("ladok" or "wiseflow"), or the one that is given; changes nothing over there. Never raises
    for what the network, the credential or the other side do."""
    check = _check_ladok if system == Credential.System.LADOK else _check_wiseflow
    try:
        return check(source, credential)
    except RemoteError as error:
        return [Check(False, error.message)]


def _check_ladok(source: Source, credential: Credential | None) -> list[Check]:
    signed_in = Check(True, message("sources.check.signed_in", system="Ladok"), proves_credential=True)
    with ladok_for(source, credential) as client:
        try:
            source.rules.list_exams(client, UNHEARD_OF)
        except UnknownToLadok:
            # "No such course" is an answer: the address and the credential are right.
            return [signed_in, Check(False, message("sources.check.ladok_404"))]
    return [signed_in, Check(True, message("sources.check.ladok_lists"))]


def _check_wiseflow(source: Source, credential: Credential | None) -> list[Check]:
    with wiseflow_for(source, credential=credential) as client:
        types, roles, scales = client.user_data_types(), client.licence_roles(), client.grading_scales()
        checks = [Check(True, message("sources.check.signed_in", system="WISEflow"), proves_credential=True)]
        for kind in DATA_TYPES:
            data_type = find_data_type(source, kind, types)
            if data_type is None:
                checks.append(Check(False, message("sources.check.no_data_type", kind=kind)))
            else:
                checks.append(Check(True, message("sources.check.data_type", kind=kind, name=data_type.name)))
        for name in USER_ROLES.values():
            role = find_role(name, roles)
            code = "sources.check.role" if role is not None else "sources.check.no_role"
            checks.append(Check(role is not None, message(code, name=name)))
        for scale in source.grading_scales:
            found_scale = find_scale(source, scale, scales)
            code = "sources.check.scale" if found_scale is not None else "sources.check.no_scale"
            checks.append(
                Check(found_scale is not None, message(code, scale=scale, name=str(source.grading_scales[scale])))
            )
        for scale in scales_in_use(source):
            if not source.counterpart_of(scale) and find_scale(source, scale, scales) is None:
                checks.append(Check(False, message("sources.check.scale_in_use", scale=scale)))
        client.flow_types()
    return [*checks, Check(True, message(GRADE_FORMS[source.grade_form]))]


def scales_in_use(source: Source) -> list[str]:
    """Ladok's scales of the exams whose flows are not archived yet."""
    codes = FlowSource.objects.filter(source=source, removed_at__isnull=True).exclude(grade_scale="")
    codes = codes.exclude(flow__state=Flow.State.ARCHIVED).order_by("grade_scale")
    return list(codes.values_list("grade_scale", flat=True).distinct())
