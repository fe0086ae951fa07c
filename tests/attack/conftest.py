from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.attack.attacks import Kind
from tests.attack.base import AttackSandbox, make
from tests.owner.base import Base


@pytest.fixture
def base_for(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Kind], Base]]:
    """A base of each kind, made when it is first asked for: every attack leaves it as it was."""
    # Every client reads the certificates of the machine, and there is nothing encrypted here.
    none = tmp_path / "none.pem"
    none.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(none))
    made: dict[Kind, Base] = {}
    with AttackSandbox() as sandbox:

        def base(kind: Kind) -> Base:
            if kind not in made:
                made[kind] = make(sandbox, kind)
            return made[kind]

        yield base
