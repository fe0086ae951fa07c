"""The sandbox's control, as tests have it: no request is forgotten before it has been written down for the OpenAPI check."""

import os

from ladokflow.sandbox.control import Control
from tests import recorder


class KeepingControl(Control):
    def clear_received(self) -> None:
        recorder.keep(os.environ.get("PYTEST_CURRENT_TEST", ""), self.received("wiseflow"))
        super().clear_received()

    def reset(self) -> None:
        self.clear_received()
        super().reset()
