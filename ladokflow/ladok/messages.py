"""What is told of a university's Ladok side: what it sent, how we sign in to it, and the body sent back to it."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LADOK, LICENCE_ADMIN, MANAGER, OPERATOR, Sentence, Trait, register

register(
    {
        # --- The answers of List and Fetch
        "ladok.unknown_code": Sentence(
            _("Ladok does not know the code %(code)s."),
            todo=_(
                "Check how it is written, or choose the exam from the list. Upper and lower case and spaces do not matter."
            ),
            who=MANAGER,
        ),
        "ladok.nothing_to_read_back": Sentence(
            _("Ladok has no list of registered grades for %(code)s (HTTP 404)."),
            effect=_("The outcomes stay unknown."),
            todo=_(
                "Look in Ladok, then Retry or Mark as exported. If it is so for every exam, have “can be read back” switched off "
                "for the source."
            ),
            who=MANAGER,
        ),
        "ladok.unknown_course": Sentence(
            _("Ladok does not know the course code %(code)s (HTTP 404)."),
            todo=_("Check how it is written. If every course is unknown, the address of the source is wrong."),
            who=MANAGER,
        ),
        "ladok.empty_answer": Sentence(
            _("Ladok's answer for %(code)s is empty."),
            effect=_("Nothing is changed."),
            todo=_("Check in Ladok that the exam is still there, then try again."),
            who=MANAGER,
            traits={Trait.ASKS},
        ),
        "ladok.other_code": Sentence(
            _("Ladok was asked for %(code)s but answered with %(answered)s."),
            effect=_("Nothing is changed."),
            todo=_("Ask those who run Ladok at your university."),
            who=LADOK,
            traits={Trait.ASKS},
        ),
        # --- Problems in an exam; the rest of it comes in
        "ladok.no_people_list": Sentence(
            _("Ladok sent no list of people for %(code)s."),
            todo=_("If students are registered, ask those who run Ladok at your university."),
            who=MANAGER,
        ),
        "ladok.value_unreadable": Sentence(
            _("The value of %(field)s from Ladok could not be read: %(value)s."),
            effect=_("It is left out."),
            todo=_("Correct it in Ladok."),
            who=MANAGER,
        ),
        "ladok.no_start_time": Sentence(
            _("Ladok has a start date (%(date)s) but no start time."),
            effect=_("09:00 is used."),
            todo=_("Add the time in Ladok, or change it in WISEflow."),
            who=MANAGER,
        ),
        "ladok.no_end_time": Sentence(
            _("Ladok has an end date (%(date)s) but no end time."),
            effect=_("The end is set without it."),
            todo=_("Add the time in Ladok, or change it in WISEflow."),
            who=MANAGER,
        ),
        "ladok.date_and_time_differ": Sentence(
            _("The fields %(first)s and %(second)s from Ladok do not go together."),
            effect=_("The day is taken from the first and the time from the second: %(used)s."),
            todo=_("Correct them in Ladok."),
            who=MANAGER,
        ),
        "ladok.ends_before_start": Sentence(
            _("According to Ladok the exam ends (%(end)s) before it starts (%(start)s)."),
            effect=_("The end is left out."),
            todo=_("Correct the dates in Ladok."),
            who=MANAGER,
        ),
        # --- Problems with a person; the others come in
        "ladok.person_unreadable": Sentence(
            _("Person number %(number)s in Ladok's list could not be read."),
            effect=_("The person does not come in."),
            todo=_("Ask those who run Ladok at your university."),
            who=LADOK,
        ),
        "ladok.person_without_id": Sentence(
            _("%(name)s (number %(number)s in Ladok's list) has no organisation id (%(field)s)."),
            effect=_("The person does not come in."),
            todo=_("Have the id added in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "ladok.nameless_person_without_id": Sentence(
            _("Person number %(number)s in Ladok's list has neither a name nor an organisation id (%(field)s)."),
            effect=_("The person does not come in."),
            todo=_("Have the id added in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "ladok.person_id_unreadable": Sentence(
            _(
                "The organisation id (%(field)s) of %(name)s (number %(number)s in Ladok's list) could not be read, or is too long."
            ),
            effect=_("The person does not come in."),
            todo=_("Have the id corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "ladok.nameless_person_id_unreadable": Sentence(
            _(
                "Person number %(number)s in Ladok's list has no name, and an organisation id (%(field)s) that could not be "
                "read, or is too long."
            ),
            effect=_("The person does not come in."),
            todo=_("Have the id corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "ladok.person_twice": Sentence(
            _("%(organisation_id)s is more than once in Ladok's list."),
            effect=_("The first one is used."),
            todo=_("Check the registrations in Ladok."),
            who=MANAGER,
        ),
        "ladok.two_people_one_id": Sentence(
            _("%(organisation_id)s stands for two people in Ladok's list: their other identifiers are not the same."),
            effect=_(
                "Neither of them comes in, and no grade is sent for either, so that none can reach the wrong person."
            ),
            todo=_("Have it corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "ladok.person_twice_differs": Sentence(
            _("%(organisation_id)s is more than once in Ladok's list, with different values of %(field)s."),
            effect=_("None of them is used, so that no grade can reach the wrong person."),
            todo=_("Have it corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "ladok.unique_exam_id_shared": Sentence(
            _("%(first)s and %(second)s have the same unique exam id in Ladok."),
            effect=_("It is used for neither, so that no grade can reach the wrong person."),
            todo=_("Have it corrected in Ladok, then synchronise."),
            who=MANAGER,
        ),
        "ladok.person_value_unreadable": Sentence(
            _("The value of %(field)s for %(name)s from Ladok could not be read."),
            effect=_("It is left out."),
            todo=_("Correct it in Ladok."),
            who=MANAGER,
        ),
        "ladok.individual_end_without_start": Sentence(
            _("%(name)s has an end time of their own (%(value)s), but Ladok has no date for the exam."),
            effect=_("It is left out."),
            todo=_("Add the date in Ladok, or set the individual end in WISEflow."),
            who=MANAGER,
        ),
        # --- The credential
        "ladok.bad_token": Sentence(
            _("The source's Ladok credential holds characters that cannot be sent."),
            effect=_("Nothing was sent."),
            todo=_("Enter the token or key again in the administration, on one line."),
            who=LICENCE_ADMIN,
        ),
        "ladok.bad_certificate": Sentence(
            _("The source's client certificate for Ladok cannot be read."),
            effect=_("Nothing was sent."),
            todo=_(
                "Enter it again in the administration as PEM text: the private key and the certificate with its chain."
            ),
            who=LICENCE_ADMIN,
        ),
        "ladok.locked_certificate": Sentence(
            _("The private key of the source's client certificate for Ladok is locked by a pass phrase."),
            effect=_("Nothing was sent."),
            todo=_("Enter it in the administration with the pass phrase removed: it is stored encrypted."),
            who=LICENCE_ADMIN,
        ),
        # --- The export body
        "ladok.identifier_shared": Sentence(
            _("%(first)s and %(second)s would be sent to Ladok under one and the same identifier."),
            effect=_("Nothing was sent, so that no grade can reach the wrong person."),
            todo=_("Correct their unique exam ids or organisation ids, then synchronise and export again."),
            who=MANAGER,
        ),
        "ladok.expression_invalid": Sentence(
            _("The export body is not a valid JMESPath expression (near character %(position)s)."),
            todo=_("Correct it."),
            who=LICENCE_ADMIN,
        ),
        "ladok.expression_too_much": Sentence(
            _(
                "The export body's expression is too long, too deep, or makes more of the grades than any request holds."
            ),
            effect=_("Nothing was sent."),
            todo=_("Write it more simply: each person once, with the fields that Ladok wants."),
            who=LICENCE_ADMIN,
        ),
        "ladok.expression_fails": Sentence(
            _("The export body's expression fails on the data (%(detail)s)."),
            effect=_("Nothing was sent."),
            todo=_("Correct the expression in the administration."),
            who=LICENCE_ADMIN,
        ),
        "ladok.expression_not_a_body": Sentence(
            _("The export body's expression must give an object or a list, and gives %(kind)s."),
            effect=_("Nothing was sent."),
            todo=_("Correct the expression in the administration."),
            who=LICENCE_ADMIN,
        ),
        "ladok.expression_forgets_grades": Sentence(
            _("The body made by the expression lacks the grade of the sample person %(person)s."),
            todo=_("Correct the expression, so that everyone's grade comes with it."),
            who=LICENCE_ADMIN,
        ),
        "ladok.expression_loses": Sentence(
            _(
                "The body made by the source's expression does not hold each grade once: of %(total)s grades %(missing)s are missing"
                " or changed (that of %(person)s, for one), and %(extra)s entries are too many."
            ),
            todo=_("Correct the expression in the administration, so that everyone's grade comes with it, once."),
            who=LICENCE_ADMIN,
        ),
        "ladok.body_differs": Sentence(
            _(
                "The request that was made for Ladok does not hold each grade once: of %(total)s grades %(missing)s are missing or"
                " changed (that of %(person)s, for one), and %(extra)s entries are too many."
            ),
            todo=_("Tell those who run LadokFlow: it is a fault in it."),
            who=OPERATOR,
        ),
        "ladok.expression_forgets_people": Sentence(
            _("The body made by the expression does not say who the sample person %(person)s is."),
            todo=_("Correct the expression, so that everyone comes with an identifier."),
            who=LICENCE_ADMIN,
        ),
    }
)
