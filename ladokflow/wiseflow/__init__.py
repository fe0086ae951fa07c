"""The WISEflow API: everything the rest of LadokFlow needs of it."""

from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import NewParticipant

__all__ = ["NewParticipant", "WiseflowClient", "WiseflowError"]
