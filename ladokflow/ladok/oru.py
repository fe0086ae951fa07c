"""Örebro University (OrU). The tables are those of WISEflow's article "Ladok Integration".

Mind the case: a person's `studentuid` is the organisation id, their `studentUID` the student number, and both kinds of
identifier go back as `studentUid`.
"""

from django.utils.translation import gettext_lazy as _

from ladokflow.ladok.base import Row, person_row
from ladokflow.ladok.university import University

university = University(
    slug="oru",
    name="Örebro universitet",
    list_path="/exams",
    list_parameter="courseCode",
    fetch_path="/exams/{code}",
    export_path="/exams/{code}/grades",
    code_key="examCode",
    people_key="participants",
    # Response to WISEflow | value from Ladok | reference field in WISEflow
    assessment=(
        Row("title", ("courseCode", "courseName"), _("Flow title")),
        Row("subtitle", ("examCode", "examTitle"), _("Subtitle")),
        Row("participantStartDate", ("examStartDate", "startTime"), _("Start date for Participants")),
        Row("participantEndDate", ("examEndDate", "endTime"), _("End date for Participants")),
        Row("assessmentEndDate", ("sensurfrist",), _("End date for marking")),
        Row("gradeType", ("gradeScale",), _("Grade type")),
    ),
    person=(
        person_row("organisationId", "studentuid"),
        person_row("nationalId", "civicNumber"),
        person_row("firstName", "firstname"),
        person_row("lastName", "lastname"),
        person_row("emails", "email"),
        person_row("externalUserId", "studentUID"),
        person_row("uniqueExamId", "uniqueExamId"),
        person_row("individualParticipantEndDate", "endTime"),
    ),
    # Response from WISEflow | value to Ladok. The unique exam id is preferred; a person added by hand has none.
    export=(
        Row("gradeExports"),
        Row("uniqueExamId", ("studentUid",)),
        Row("organisationId", ("studentUid",)),
        Row("grade"),
        Row("grade", ("grade",)),
    ),
    takes_hand_added=True,
    example_course="TDDE01",
)
