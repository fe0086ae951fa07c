"""Asks whether anything that production is made of is known to be vulnerable: `python -m tests.audit [--must]`.

`pip-audit` asks the advisory service of the package index about what stands in requirements.lock. A machine without a way there can ask nobody:
that is said, and is no failure, unless `--must` is given. What is found is one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.environment import ROOT

LOCK = ROOT / "requirements.lock"
SECONDS = 120
# Advisories that do not concern us: the id, and why.
KNOWN: dict[str, str] = {}


def ask(*options: str) -> tuple[list[str], str]:
    """What is vulnerable, a line each; and why nobody could be asked, empty where somebody was."""
    tool = Path(sys.executable).with_name("pip-audit")
    command = [
        str(tool),
        "--requirement",
        str(LOCK),
        "--disable-pip",
        "--require-hashes",
        "--progress-spinner",
        "off",
        "--format",
        "json",
    ]
    try:
        ran = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return [], f"no answer within {SECONDS} seconds"
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, LookupError):
        said = [line for line in ran.stderr.splitlines() if line.strip()]
        return [], said[-1] if said else f"pip-audit ended with status {ran.returncode}"
    lines = [line for each in packages for line in _told(each)]
    unasked = [f"{each['name']}: {each['skip_reason']}" for each in packages if "skip_reason" in each]
    return lines, f"{len(unasked)} of {len(packages)} packages, as {unasked[0]}" if unasked else ""


def _told(package: dict) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version yet'}"
        for found in package.get("vulns", ())
        if not {found["id"], *found.get("aliases", [])} & KNOWN.keys()
    ]


def main() -> int:
    vulnerable, why_not = ask()
    for line in vulnerable:
        print(line)
    if why_not:
        print(
            f"NOT AUDITED: nobody could be asked whether all of requirements.lock is sound ({why_not}).",
            file=sys.stderr,
        )
        return 1 if vulnerable or "--must" in sys.argv[1:] else 0
    if not vulnerable:
        print(f"Nothing in {LOCK.name} is known to be vulnerable.")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
