from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.owner.base import Base, OwnSandbox, make_base


@pytest.fixture
def base_of(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int, int], Base]]:
    """A base of each kind, made when it is first asked for: every sequence leaves it as it was."""
    # Every client reads the certificates of the machine, and there is nothing encrypted here.
    none = tmp_path / "none.pem"
    none.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(none))
    made: dict[tuple[str, int, int], Base] = {}
    with OwnSandbox() as sandbox:

        def base(slug: str, size: int, on_flow: int) -> Base:
            key = (slug, size, on_flow)
            if key not in made:
                made[key] = make_base(sandbox, slug, size=size, on_flow=on_flow)
            return made[key]

        yield base
