"""What the processes of `tests/warm.py` have loaded when they begin. For the one that they are forked from, and no other."""

import importlib

import django

django.setup()
for name in ("exports.tasks", "sources.tasks", "ladokflow.urls"):
    importlib.import_module(name)
