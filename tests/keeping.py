"""The sandbox's control, as tests have it: no request is forgotten before it has been written down for the OpenAPI check."""

import json
import os
from typing import Any

from ladokflow.sandbox import control_api
from ladokflow.sandbox.answers import Call
from ladokflow.sandbox.control import Control, ControlError
from ladokflow.sandbox.server import Sandbox
from tests import recorder


class KeepingControl(Control):
    """The sandbox is in this process: what a test says to it goes without HTTP, in the same JSON."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.url)
        self._sandbox = sandbox

    def call(self, name: str, **arguments: Any) -> Any:
        asked = Call("POST", f"/control/{name}", {}, {}, json.dumps(arguments).encode())
        reply = control_api.answer(self._sandbox, asked)
        answer = reply.body if isinstance(reply.body, dict) else json.loads(reply.body)
        if reply.status != 200:
            raise ControlError(answer["message"])
        return answer

    def clear_received(self) -> None:
        with self._sandbox.state.lock:
            self._keep()
            control_api.clear_received(self._sandbox)

    def reset(self) -> None:
        with self._sandbox.state.lock:
            self._keep()
            control_api.reset(self._sandbox)

    def _keep(self) -> None:
        sent = [row for row in list(self._sandbox.received) if row["system"] == "wiseflow"]
        recorder.keep(os.environ.get("PYTEST_CURRENT_TEST", ""), sent)
