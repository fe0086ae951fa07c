"""WISEflow's limits as they are when nobody has asked for anything yet: each test begins with them.

They are counted for each credential in a file of the process, and the sandbox's credentials are the same in each test. What one test
has been told to wait for, or has used of a minute's requests, would be waited for in the next.
"""

from __future__ import annotations

import os
import sys
from typing import Any

MOST_KEPT = 8  # files that are used again; servers of single tests have ports, and so files, of their own


def forget() -> None:
    limits: Any = sys.modules.get("ladokflow.wiseflow.limits")
    if limits is None:
        return
    with limits._limits_lock:
        known = dict(limits._limits)
        if len(known) > MOST_KEPT:
            limits._limits.clear()
    for limit in known.values():
        limit._paused_until = 0.0
        if isinstance(limit._store, limits.FileStore):
            _empty(limit._store, closes=len(known) > MOST_KEPT)


def _empty(store: Any, *, closes: bool) -> None:
    with store._lock:
        if store._bucket is not None:
            store._bucket.flush()
            store._bucket.conn.execute("DELETE FROM pause")
            store._bucket.conn.commit()
        if closes:
            if store._bucket is not None:
                store._bucket.close()
            if store._file is not None:
                os.close(store._file)
            store._bucket = store._file = None
