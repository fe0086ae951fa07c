"""The registry of universities."""

import subprocess
import sys
import textwrap

from ladokflow.ladok import UNIVERSITIES, University
from tests.environment import ROOT


def test_the_universities_of_the_article_are_there():
    names = {"boras": "Högskolan i Borås", "liu": "Linköpings universitet", "oru": "Örebro universitet"}
    assert {slug: UNIVERSITIES[slug].name for slug in names} == names
    assert all(isinstance(university, University) for university in UNIVERSITIES.values())


def test_new_university_is_one_new_module_and_nothing_else(tmp_path):
    (tmp_path / "nowhere.py").write_text(
        textwrap.dedent(
            """
            import dataclasses
            from ladokflow.ladok.liu import university as liu
            university = dataclasses.replace(liu, slug="nowhere", name="Ingenstans högskola")
            """
        )
    )
    program = f"""
import django
from django.conf import settings
settings.configure(PLAIN_HTTP_HOSTS=[], INSIDE_HOSTS=[], REMOTE_TIMEOUT_SECONDS=1)
import importlib.util
spec = importlib.util.find_spec("ladokflow.ladok")
spec.submodule_search_locations.append({str(tmp_path)!r})
module = importlib.util.module_from_spec(spec)
import sys
sys.modules["ladokflow.ladok"] = module
spec.loader.exec_module(module)
print(",".join(sorted(set(module.UNIVERSITIES) - {set(UNIVERSITIES)!r})))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "nowhere"


def test_university_needs_neither_models_nor_pages():
    program = """
from django.conf import settings
settings.configure(PLAIN_HTTP_HOSTS=[], INSIDE_HOSTS=[], REMOTE_TIMEOUT_SECONDS=1)
import sys
import ladokflow.ladok, ladokflow.ladok.client, ladokflow.ladok.bodies
print([name for name in sys.modules if name.startswith(("sources", "exports")) or name == "django.db.models"])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
