"""Whose turn it is to make a room."""

from django.db import models

from sources.models.source import Source


class RoomTurn(models.Model):
    """The turn of one worker to look for a room on a source's licence, and to make it where there is none.

    WISEflow makes a second room of the same name without a word. See `sources/sync/apply/room_lock.py`.
    """

    source = models.ForeignKey(Source, models.CASCADE, related_name="+")
    name = models.CharField(max_length=250)  # of the room, in lower case
    token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("source", "name")
        constraints = (models.UniqueConstraint(fields=["source", "name"], name="one_turn_per_room"),)

    def __str__(self) -> str:
        return self.name
