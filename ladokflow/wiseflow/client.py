"""The WISEflow API as LadokFlow uses it: one method per endpoint, grouped by what they are about.

with WiseflowClient(base_url=..., kind="oauth_client", client_id=..., secret=...) as wiseflow:
    wiseflow.participants(225)
"""

from ladokflow.wiseflow.external_sources import ExternalSources
from ladokflow.wiseflow.flow_settings import FlowSettings
from ladokflow.wiseflow.flows import Flows
from ladokflow.wiseflow.grades import Grades
from ladokflow.wiseflow.licence import Licence
from ladokflow.wiseflow.logs import Logs
from ladokflow.wiseflow.marking import Marking
from ladokflow.wiseflow.participants import Participants
from ladokflow.wiseflow.people import People
from ladokflow.wiseflow.rooms import Rooms
from ladokflow.wiseflow.staff import Staff
from ladokflow.wiseflow.submissions import Submissions


class WiseflowClient(
    Licence,
    People,
    Flows,
    FlowSettings,
    Participants,
    Staff,
    Rooms,
    ExternalSources,
    Grades,
    Submissions,
    Logs,
    Marking,
):
    """All of it, over one connection (`Connection` says what it takes). Every method may raise WiseflowError."""
