#!/usr/bin/env python
"""Django's command line for LadokFlow."""

import gc
import os
import sys

if __name__ == "__main__":
    gc.disable()  # until everything is loaded (ladokflow/apps.py): none of that is garbage
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ladokflow.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
