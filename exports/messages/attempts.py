"""What came of an attempt, besides Ladok's answer."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from exports.messages.finding_out import FIND_OUT
from ladokflow.messages import MANAGER, OPERATOR, Sentence, Trait, register

register(
    {
        "attempt.queued": Sentence(_("Waiting to be sent.")),
        "attempt.preparing": Sentence(_("Being prepared.")),
        "attempt.sending": Sentence(_("Being sent to Ladok.")),
        "attempt.not_prepared": Sentence(
            _("The export could not be prepared: the worker stopped %(claims)s times before anything was sent."),
            _("Nothing was sent."),
            _("Press Retry. If it happens again, tell those who run LadokFlow."),
            OPERATOR,
        ),
        "attempt.fault": Sentence(
            _("The export could not be prepared because of a fault in LadokFlow."),
            _("Nothing was sent."),
            _("Tell those who run LadokFlow, with the id of the attempt."),
            OPERATOR,
        ),
        # %(cause)s is a message of its own, which fills in its own words
        "attempt.remote": Sentence("%(cause)s", _("Nothing was sent to Ladok."), "%(cause)s", MANAGER),
        "attempt.grades_changed": Sentence(
            ngettext_lazy(
                "%(count)s grade was changed in WISEflow after the export was started.",
                "%(count)s grades were changed in WISEflow after the export was started.",
                "count",
            ),
            _("Nothing was sent."),
            _("Look at the grades, then press Retry: the new ones are sent."),
            MANAGER,
        ),
        "attempt.grade_changed": Sentence(
            _("The grade was changed in WISEflow after the export was started: %(now)s instead of %(was)s."),
            _("Nothing was sent."),
            _("Look at the grade, then press Retry: the new one is sent."),
            MANAGER,
        ),
        "attempt.only_points_changed": Sentence(
            ngettext_lazy(
                "The points of %(count)s person were changed in WISEflow after the export was started.",
                "The points of %(count)s people were changed in WISEflow after the export was started.",
                "count",
            ),
            _("Nothing was sent."),
            _("Look at the points, then press Retry: the new ones are sent."),
            MANAGER,
        ),
        "attempt.points_changed": Sentence(
            _("The points were changed in WISEflow after the export was started: %(now)s instead of %(was)s."),
            _("Nothing was sent."),
            _("Look at the points, then press Retry: the new ones are sent."),
            MANAGER,
        ),
        "attempt.points_unread": Sentence(
            _("WISEflow did not tell the person's points right before sending."),
            _("The grade is not sent, so that it does not come to Ladok without them."),
            _("Press Retry: they are read again. If they still do not come, look at the person's marking in WISEflow."),
            MANAGER,
        ),
        "attempt.grade_gone": Sentence(
            _("The grade was taken away in WISEflow after the export was started."),
            _("Nothing was sent."),
            _("Press Retry when there is a grade again."),
            MANAGER,
        ),
        "attempt.approval_gone": Sentence(
            _("No reviewer's approval of the grade is to be seen in WISEflow any more."),
            _("Nothing was sent."),
            _("Press Retry when the grade has been approved, or when marking has ended."),
            MANAGER,
        ),
        "attempt.grades_in_doubt": Sentence(
            _(
                "Which grades these are, or if the flow's grading scale is the exam's, could not be told right before sending."
            ),
            _("Nothing was sent."),
            _("Open Retry: the preview shows what each grade may be, and asks how they are to be sent."),
            MANAGER,
        ),
        "attempt.scale_changed": Sentence(
            _("The flow's grading scale in WISEflow is another than when the grades were read."),
            _("Nothing was sent."),
            _("Look at the scale and the grades in WISEflow, then press Retry."),
            MANAGER,
        ),
        "attempt.marking_reopened": Sentence(
            _("Marking was opened again in WISEflow after the export was started."),
            _("Nothing was sent."),
            _("Press Retry when marking has ended."),
            MANAGER,
        ),
        "attempt.code_removed": Sentence(
            _("The Ladok code was removed from the flow after the export was started."), _("Nothing was sent.")
        ),
        "attempt.right_gone": Sentence(
            _("Whoever started the export no longer has the export right at this university."),
            _("Nothing was sent."),
            _("A manager who has the right can press Retry."),
            MANAGER,
        ),
        "attempt.identifier_changed": Sentence(
            _("What Ladok knows the person by was corrected after the export was started."),
            _("Nothing was sent."),
            _("Press Retry: the grade is sent under what is right now."),
            MANAGER,
        ),
        "attempt.people_changed": Sentence(
            ngettext_lazy(
                "%(count)s person may no longer be sent since the export was started.",
                "%(count)s people may no longer be sent since the export was started.",
                "count",
            ),
            _("Nothing was sent."),
            _("See each person's message, then press Retry: only those who may be sent are."),
            MANAGER,
        ),
        # %(cause)s is why: a message of its own
        "attempt.list_unread": Sentence(
            _("Ladok's list of people for %(code)s could not be read right before sending. %(cause)s"),
            _("Nothing was sent."),
            _(
                "Press Retry: the list is read again. If Ladok still cannot give it, you may choose there to send with"
                " what was known of it last."
            ),
            MANAGER,
            traits={Trait.LIST_UNREAD},
        ),
        "attempt.held": Sentence(
            _("Not sent: %(cause)s"),
            _("The grades of the others are not held up by it."),
            "%(cause)s",
            MANAGER,
        ),
        "attempt.all_held": Sentence(
            ngettext_lazy(
                "%(count)s person was held back right before sending, and there was nobody else to send.",
                "All %(count)s people were held back right before sending.",
                "count",
            ),
            _("Nothing was sent."),
            _("See each person's message."),
            MANAGER,
        ),
        "attempt.some_held": Sentence(
            _("%(cause)s %(count)s of %(total)s were held back right before that, and not sent."),
            "%(cause)s",
            _("See each person's message."),
            MANAGER,
        ),
        "attempt.retry_not_sent": Sentence(
            _("The retry was not sent. %(cause)s"),
            _("The earlier sending may still be in Ladok."),
            FIND_OUT,
            MANAGER,
        ),
        "attempt.retry_refused": Sentence(
            _("The retry was refused. %(cause)s"),
            _("The earlier sending may still be in Ladok."),
            FIND_OUT,
            MANAGER,
            traits={Trait.RETRY_REFUSED},
        ),
        "attempt.retry_rejected": Sentence(
            ngettext_lazy(
                "Ladok did not take the retried grade of %(count)s person. %(cause)s",
                "Ladok did not take the retried grades of %(count)s people. %(cause)s",
                "count",
            ),
            _("Their earlier sending may still be in Ladok."),
            FIND_OUT,
            MANAGER,
        ),
        # %(cause)s is what Ladok said: a message of its own
        "attempt.late_rejected": Sentence(
            _("The grade was taken for exported, but Ladok's own answer came later and says otherwise. %(cause)s"),
            "%(cause)s",
            "%(cause)s",
            MANAGER,
        ),
        "attempt.not_sent_with_it": Sentence(
            _("Nothing was sent."), todo=_("Press Retry when the others are right."), who=MANAGER
        ),
        "attempt.too_late": Sentence(
            _("The worker was held up between preparing and sending."),
            _("Nothing was sent."),
            _("Press Retry."),
            MANAGER,
        ),
        "attempt.worker_died": Sentence(
            _("The worker stopped while it was sending, so Ladok's answer was never read."),
            _("The grades may be in Ladok already."),
            FIND_OUT,
            MANAGER,
        ),
        "attempt.restored": Sentence(
            _("The database was restored from a backup, and what was sent since that was made is not known here."),
            _("The grades may be in Ladok already."),
            FIND_OUT,
            MANAGER,
        ),
        "attempt.interrupted": Sentence(
            _("The sending was interrupted before Ladok's answer had been read."),
            _("The grades may be in Ladok already."),
            FIND_OUT,
            MANAGER,
        ),
    }
)
