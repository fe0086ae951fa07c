"""The environment that settings are read from: a name may be given as NAME_FILE, the path of a file with the value."""

from __future__ import annotations

from typing import Any

import environ
from environ.fileaware_mapping import FileAwareMapping


class _Files(FileAwareMapping):
    """Without the line break that an editor, or `echo`, has left at the end of a file: it would be a part of the secret."""

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return value.rstrip("\r\n") if self.env.get(f"{key}_FILE") else value


class Env(environ.Env):
    ENVIRON = _Files()
