"""What is told when a flow that stands in WISEflow already is taken over."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, MANAGER, Sentence, register

register(
    {
        "sources.adoption.nothing_given": Sentence(
            _("No flow was given."),
            todo=_("Write a flow of WISEflow and a code in Ladok, a line for each."),
            who=MANAGER,
        ),
        "sources.adoption.too_many": Sentence(
            _("There are %(count)s lines, and at most %(most)s can be taken at a time."),
            effect=_("Nothing was done."),
            todo=_("Take the first %(most)s, and then the others."),
            who=MANAGER,
        ),
        "sources.adoption.no_number": Sentence(
            _("It cannot be told which flow %(text)s is."),
            todo=_("Give the flow's number in WISEflow, or the link to its page there."),
            who=MANAGER,
        ),
        "sources.adoption.no_code": Sentence(
            _("No code was given for the flow %(number)s."), todo=_("Give the exam's code in Ladok."), who=MANAGER
        ),
        "sources.adoption.no_such_flow": Sentence(
            _("WISEflow has no flow %(number)s on this licence."),
            todo=_("Check the number. A flow that has been deleted has to be restored in WISEflow first."),
            who=MANAGER,
        ),
        "sources.adoption.flow_taken": Sentence(
            _("The flow %(number)s is in LadokFlow already: %(title)s (flow %(flow)s)."),
            todo=_("Use that flow."),
            who=MANAGER,
        ),
        "sources.adoption.of_another_source": Sentence(
            _("The flow %(number)s is in LadokFlow already, with another source on the same WISEflow licence."),
            todo=_("Have it let go there first, or leave it there."),
            who=LICENCE_ADMIN,
        ),
        "sources.adoption.code_twice": Sentence(
            _("The code %(code)s stands on an earlier line already."),
            todo=_("Leave one of the two lines out: a code is on one flow."),
            who=MANAGER,
        ),
        "sources.adoption.overtaken": Sentence(
            _("Somebody else was faster: the flow %(number)s or the code %(codes)s is on a flow now."),
            effect=_("Nothing was changed."),
            todo=_("Look in the list of flows."),
            who=MANAGER,
        ),
        "sources.adoption.other_day": Sentence(
            _("The exam is on %(wiseflow)s in WISEflow, and on %(ladok)s in Ladok."),
            todo=_("See that it is the same exam."),
            who=MANAGER,
        ),
        "sources.adoption.former_client": Sentence(
            _("UNIwise's own integration is on the flow as well (%(codes)s)."),
            effect=_("As long as it is, it may change the flow, and send its grades to Ladok by itself."),
            todo=_("Remove its code from the flow in WISEflow."),
            who=MANAGER,
        ),
        "sources.adoption.changed": Sentence(
            _("Something else would be changed in WISEflow now than what was confirmed."),
            effect=_("Nothing was changed."),
            todo=_("Look at what would change now, and confirm it."),
            who=MANAGER,
        ),
        "sources.audit.adoption_requested": Sentence(
            _("Asked to take over the flow %(number)s of WISEflow, for %(codes)s.")
        ),
        "sources.audit.flow_adopted": Sentence(_("Took over the flow %(wiseflow)s of WISEflow.")),
        "sources.audit.flow_adopted_ungraded": Sentence(
            _("Took over the flow %(wiseflow)s of WISEflow. Nobody had a grade, so none was exported before.")
        ),
    }
)
