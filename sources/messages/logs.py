"""What is told of WISEflow's logs."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, Sentence, register

register(
    {
        "log.not_kept": Sentence(
            _("WISEflow keeps its logs for %(weeks)s weeks, and they were not read in time."),
            effect=_(
                "What happened in these days cannot be told from the logs: that nothing is shown does not mean that nothing happened."
            ),
            todo=_("Nothing can be done for these days. See that the logs are read every night."),
            who=OPERATOR,
        ),
        "log.crowded": Sentence(
            _("WISEflow has more than %(most)s log entries of one millisecond, and gives out no more than that."),
            effect=_("Some entries of that moment are missing here."),
            todo=_("Ask UNIwise for the log of that moment if it matters."),
            who=LICENCE_ADMIN,
        ),
        "log.gave_up": Sentence(
            _("The log could not be read: the worker stopped each time."),
            effect=_("What has been read is kept. It is tried again next night."),
            todo=_("Look in the worker's log, and tell those who develop LadokFlow."),
            who=OPERATOR,
        ),
        "log.unknown_day": Sentence(_("%(value)s is no day."), todo=_("Write it like 2026-11-28.")),
        "log.days_reversed": Sentence(
            _("The last day is before the first one."), todo=_("Write the first day with --from, the last with --to.")
        ),
        "command.cannot_write": Sentence(
            _("%(file)s cannot be written: %(reason)s."),
            todo=_("Choose a file in a folder that is there, and writable."),
        ),
        "log.other_flow": Sentence(
            _("Flow %(flow)s is not of the source %(source)s."), todo=_("Give the number of a flow of that source.")
        ),
        "log.under_way": Sentence(_("This log is being read already."), todo=_("Wait a few minutes, and try again.")),
        # The audit log
        "log.downloaded": Sentence(_("Downloaded the log from %(first)s to %(last)s (%(format)s).")),
        "log.downloaded_flow": Sentence(_("Downloaded the log of the flow from %(first)s to %(last)s (%(format)s).")),
        "log.timeline_seen": Sentence(_("Looked at the timeline of participant %(participant)s.")),
    }
)
