"""The administration: for licence admins, each at their own sources, and for superusers."""

from sources.admin import audit, credential, membership, preset, queue, run, source, webhook
from sources.messages import admin as messages

__all__ = ["audit", "credential", "membership", "messages", "preset", "queue", "run", "source", "webhook"]
