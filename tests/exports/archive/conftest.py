from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Membership, Source
from tests.exports.test_end_to_end import Exam


@pytest.fixture(autouse=True)
def archive_dir(tmp_path: Path, settings: Any) -> Path:
    settings.ARCHIVE_DIR = tmp_path / "archive"
    settings.ARCHIVE_S3_BUCKET = ""
    return Path(settings.ARCHIVE_DIR)


@pytest.fixture
def make_exam(liu: Source, sandbox: Sandbox) -> Callable[..., Exam]:
    """An exam that has been written and graded; whoever is a member of the source may archive."""
    Membership.objects.filter(source=liu).update(can_archive=True)

    def make(people: int = 4, **fields: Any) -> Exam:
        exam = Exam(liu, sandbox.control, people=people)
        exam.grade()
        Flow.objects.filter(pk=exam.flow).update(state=Flow.State.CONCLUDED, **fields)
        return exam

    return make


@pytest.fixture
def flow_of(make_exam: Callable[..., Exam]) -> Callable[[Exam], Flow]:
    return lambda exam: Flow.objects.select_related("source").get(pk=exam.flow)
