"""The words of the field, as the pages use them."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from ladokflow.messages import Text


@dataclass(frozen=True)
class Word:
    word: Text
    meaning: Text


WORDS = (
    Word(_("Source"), _("One university: its Ladok, its WISEflow licence and its rules.")),
    Word(_("Flow"), _("One exam in WISEflow, made from one or more Ladok codes.")),
    Word(
        _("Ladok code"),
        _("The code of an exam occasion in Ladok. If a flow has several, the first rules title and dates."),
    ),
    Word(_("Preset"), _("Named settings for new flows, which a licence admin defines for the source.")),
    Word(_("Participant"), _("A student on a flow, from Ladok or added by hand in WISEflow.")),
    Word(_("Participation"), _("The time during which the students write.")),
    Word(_("Marking"), _("The time during which assessors and reviewers give grades.")),
    Word(_("Assessor"), _("A teacher who gives a grade in WISEflow.")),
    Word(_("Reviewer"), _("A teacher who looks over the assessment and approves the grade.")),
    Word(
        _("Grade"),
        _("What the assessor, or the reviewer, has decided in WISEflow. This is what is sent to Ladok."),
    ),
    Word(
        _("Alternative grade"),
        _("A grade that a manager has set in WISEflow in place of the assessor's. Once exported it is locked."),
    ),
    Word(
        _("Paper"), _("What a student has handed in, or that it was blank, or nothing. WISEflow calls it a submission.")
    ),
    Word(
        _("Archive package"),
        _(
            "A copy of all there is of an exam, with checksums: papers, grades and history. It is what an archive takes in."
        ),
    ),
    Word(_("Synchronisation"), _("Fetching what has changed in Ladok and making the same change in WISEflow.")),
    Word(_("Export"), _("Sending the grades of a flow to Ladok.")),
    Word(_("Attempt"), _("One request to Ladok with the grades of a flow, and what came of it.")),
    Word(_("Pending"), _("Nothing has been sent yet. The reason tells what is being waited for.")),
    Word(_("Exported"), _("Ladok has confirmed every grade.")),
    Word(_("Failed"), _("One or more grades are not confirmed by Ladok. Somebody has to do something.")),
    Word(
        _("Outcome unknown"),
        _(
            "The grades were sent but no clear answer came. They may be in Ladok: look there before anything is sent again."
        ),
    ),
    Word(_("Instant export"), _("Each grade is sent as soon as it is decided, without waiting for marking to end.")),
    Word(_("Manager"), _("Makes flows and sends grades: often an exam administrator.")),
    Word(_("Licence admin"), _("Sets up the university's source, its credentials and its members.")),
)


@require_GET
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/glossary.html", {"words": WORDS})
