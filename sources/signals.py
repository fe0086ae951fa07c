"""What happens here that the export side wants to know of. `exports` listens; nothing here knows who does."""

from django.dispatch import Signal

# Sent after each finished run, outside any transaction, with `flow` (fresh from the database) and `run`. `is_changed` is False where
# flow, participants and registrations are as they were when it was sent the last time.
flow_synced = Signal()

# Sent outside any transaction with `flow` (fresh from the database): a Ladok code was added to it or removed from it.
codes_changed = Signal()

# Sent outside any transaction with `flow` (fresh from the database): a manager has said who somebody on it is.
identity_answered = Signal()

# Sent by a worker, outside any transaction, with `flow` (fresh from the database): WISEflow says that its grades may have
# changed, or its phase, which decides whether they may go. A receiver looks at once; a RemoteError of its own means that it
# could not, and has the same sent again later.
grades_changed = Signal()

# Sent outside any transaction with `flow` (fresh from the database): WISEflow says otherwise than before who has handed in.
papers_read = Signal()

# Sent by a worker, outside any transaction, with `source`: it hides names from now on, and those that are here are to go.
names_hidden = Signal()

# Sent outside any transaction with `flow` (fresh from the database): a manager has changed how it is to be exported.
settings_changed = Signal()
