"""What a process loads before it begins: all workers and commands wait for it, and have it in memory."""

from __future__ import annotations

import subprocess
import sys

from tests.environment import ROOT

# Sign-in at the university, security keys and the API: for pages alone
OF_PAGES = ("webauthn", "onelogin", "xmlsec", "authlib", "joserfc", "oauthlib", "ninja")
START = f"""
import sys, django
django.setup()
import sources.tasks, exports.tasks, exports.attempts.send, sources.sync.run
print([name for name in {OF_PAGES} if name in sys.modules])
import ladokflow.urls
print([name for name in {OF_PAGES} if name not in sys.modules])
"""


def test_what_only_pages_need_is_not_loaded_for_workers_and_commands() -> None:
    done = subprocess.run([sys.executable, "-c", START], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n[]\n"), done.stderr
