"""What happens here that the export side wants to know of. `exports` listens; nothing here knows who does."""

from django.dispatch import Signal

# Sent after each finished run, outside any transaction, with `flow` (fresh from the database) and `run`.
flow_synced = Signal()

# Sent outside any transaction with `flow` (fresh from the database): a Ladok code was added to it or removed from it.
codes_changed = Signal()

# Sent by a worker, outside any transaction, with `flow` (fresh from the database): WISEflow says that its grades may have
# changed, or its phase, which decides whether they may go. A receiver looks at once; a RemoteError of its own means that it
# could not, and has the same sent again later.
grades_changed = Signal()
