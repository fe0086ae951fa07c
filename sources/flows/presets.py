"""A preset as the choices of a flow that is made with it as it stands, without the form that it fills in."""

from __future__ import annotations

from typing import Any

from sources.flows.settings import OURS
from sources.models import FlowPreset
from sources.sync.staff import MARKS

OWN = ("flow_type", "template_flow_id", "assessor_allocation", "activates")


def choices_of(preset: FlowPreset | None) -> dict[str, Any]:
    """As `FlowChoices` has them; what is not said is as usual. Of its people nothing is confirmed: who is unknown to WISEflow is asked
    about when a flow is made."""
    if preset is None:
        return {}
    staff = [{key: value for key, value in person.items() if key not in MARKS} for person in preset.staff]
    return {
        **{name: getattr(preset, name) for name in (*OWN, *(setting.name for setting in OURS))},
        "wiseflow_settings": dict(preset.wiseflow_settings),
        "staff": staff,
    }
