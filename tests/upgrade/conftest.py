"""The database as it was."""

from collections.abc import Iterator

import pytest
from django.apps.registry import Apps

from tests.upgrade.released import RELEASED, migrated, newest


@pytest.fixture
def released(transactional_db: None) -> Iterator[Apps]:
    try:
        yield migrated(RELEASED)
    finally:
        migrated(newest())
