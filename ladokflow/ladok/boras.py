"""University of Borås. The tables are those of WISEflow's article "Ladok Integration".

It has no end of marking, no rooms, no unique exam id and no individual end; its export carries points and the managers.
"""

from django.utils.translation import gettext_lazy as _

from ladokflow.ladok.base import Row, person_row
from ladokflow.ladok.university import University

university = University(
    slug="boras",
    name="Högskolan i Borås",
    list_path="/aktivitetstillfallen",
    list_parameter="kursKod",
    fetch_path="/aktivitetstillfallen/{code}",
    export_path="/aktivitetstillfallen/{code}/resultat",
    code_key="kod",
    people_key="deltagare",
    # Response to WISEflow | value from Ladok | reference field in WISEflow
    assessment=(
        Row("title", ("kursKod", "kursNamn"), _("Flow title")),
        Row("subtitle", ("moduler", "aktivitetsTillfallesNamn"), _("Subtitle")),
        Row("participantStartDate", ("startDatum", "startTid"), _("Start date for Participants")),
        Row("participantEndDate", ("slutDatum", "slutTid"), _("End date for Participants")),
        Row("gradeType", ("betygskala",), _("Grade type")),
    ),
    person=(
        person_row("organisationId", "federeradIdentitet"),
        person_row("nationalId", "personnummer"),
        person_row("firstName", "fornamn"),
        person_row("lastName", "efternamn"),
        person_row("emails", "epost"),
        person_row("externalUserId", "studentUID"),
    ),
    # Response from WISEflow | value to Ladok. Only some managers may export: their identity is sent.
    export=(
        Row("managers"),
        Row("organisationId", ("federeradIdentitet",)),
        Row("gradeExports"),
        Row("organisationId", ("federeradIdentitet",)),
        Row("externalUserId", ("studentUID",)),
        Row("nationalId", ("personnummer",)),
        Row("grade"),
        Row("grade", ("betyg",)),
        Row("points", ("poang",)),
    ),
    sends_every_identifier=True,
    names_sender=True,
    module_key="moduler",
    example_course="21SD1A",
)
