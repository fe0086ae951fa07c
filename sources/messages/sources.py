"""What is told of a source itself: testing its connections, another host, and loading it from a file."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, Sentence, register

# --- Testing a connection ----------------------------------------------------------------------------------------

register(
    {
        "sources.check.signed_in": Sentence(_("%(system)s was reached and accepts our credential.")),
        "sources.check.ladok_lists": Sentence(_("Ladok answers when it is asked for the exams of a course.")),
        "sources.check.ladok_404": Sentence(
            _("Ladok does not know the course we tried (HTTP 404)."),
            effect=_("That may be its way to say that a course has no exams, or the address may be wrong."),
            todo=_("Choose an exam from the list for a course that you know. If that fails too, correct the address."),
            who=LICENCE_ADMIN,
        ),
        "sources.check.data_type": Sentence(_("WISEflow's data type for %(kind)s is “%(name)s”.")),
        "sources.check.no_data_type": Sentence(
            _("WISEflow has no data type for %(kind)s that we can recognise."),
            effect=_("People cannot be matched by it."),
            todo=_("Name it in the source's user data types."),
            who=LICENCE_ADMIN,
        ),
        "sources.check.role": Sentence(_("WISEflow has the role “%(name)s”.")),
        "sources.check.no_role": Sentence(
            _("WISEflow has no role “%(name)s” on this licence."),
            effect=_("New users are made without it, and may not reach their flows."),
            todo=_("Ask UNIwise, or name the role so in WISEflow."),
            who=LICENCE_ADMIN,
        ),
        "sources.check.scale": Sentence(_("Ladok's scale %(scale)s is %(name)s in WISEflow.")),
        "sources.check.scale_in_use": Sentence(
            _("Exams have the scale %(scale)s in Ladok, which WISEflow has no counterpart of."),
            effect=_("A scale has to be chosen for each new flow, and grades are sent only when a manager has looked."),
            todo=_("Add it to the source's grading scales, or to WISEflow under the same name."),
            who=LICENCE_ADMIN,
        ),
        "sources.check.grades_as_shown": Sentence(_("WISEflow gives out grades as they are shown.")),
        "sources.check.grades_as_stored": Sentence(
            _("WISEflow gives out grades as they are stored."), effect=_("They are sent as the scale shows them.")
        ),
        "sources.check.grade_form_unknown": Sentence(
            _("It is not known yet if WISEflow gives out grades as they are shown or as they are stored."),
            effect=_(
                "The first grades that can only be one of the two tell it. Until then a manager is asked where a grade may be either."
            ),
        ),
        "sources.check.no_scale": Sentence(
            _("Ladok's scale %(scale)s should be %(name)s, which WISEflow does not have."),
            effect=_("Flows with that scale keep the scale they have in WISEflow."),
            todo=_("Correct the source's grading scales."),
            who=LICENCE_ADMIN,
        ),
    }
)

# --- Another host ------------------------------------------------------------------------------------------------

register(
    {
        "sources.credential_missing": Sentence(
            _("No credential for %(system)s is enabled."),
            _("Nothing is read from it or sent to it."),
            _("Enter one in the administration, test it, and put it in use."),
            LICENCE_ADMIN,
        ),
        "sources.credential_expires": Sentence(
            _("The credential for %(system)s is valid until %(at)s."),
            _("After that nothing is read from it or sent to it."),
            _("Have a new one issued, enter it beside this one, test it, and switch over."),
            LICENCE_ADMIN,
        ),
        "sources.credential_expired": Sentence(
            _("The credential for %(system)s was valid until %(at)s."),
            _("Nothing is read from it or sent to it."),
            _("Have a new one issued, enter it beside this one, test it, and switch over."),
            LICENCE_ADMIN,
        ),
        "sources.credential_unproven": Sentence(
            _("The credential “%(label)s” has not passed a test as it is now."),
            _("It is not put in use, and what is in use goes on."),
            _("Choose Test connection on its page first."),
            LICENCE_ADMIN,
        ),
        "sources.credential_no_way_back": Sentence(
            _("The credential that “%(label)s” took over from does not stand by any more."),
            _("Nothing has been changed."),
            _("Look in the list of credentials which is in use, and test the one that you want."),
            LICENCE_ADMIN,
        ),
        "sources.credential_left_behind": Sentence(
            _(
                "The address of %(system)s leads to another host now: %(host)s. The credential “%(label)s” was given for "
                "%(former)s and is disabled."
            ),
            effect=_(
                "Its secret is not sent to the new host. LadokFlow cannot sign in there without another credential."
            ),
            todo=_(
                "Type a new secret into it, test it and switch over to it; or put the former address back, and test it."
            ),
            who=LICENCE_ADMIN,
        ),
        "sources.flows_left_behind": Sentence(
            _("The address of WISEflow leads to another host now: %(host)s. Flows that are at %(former)s: %(count)s."),
            effect=_(
                "They are neither synchronised nor exported, unless it is the same WISEflow under another name: LadokFlow looks "
                "whether their participants are there."
            ),
            todo=_("Put the former address back, if they are still needed."),
            who=LICENCE_ADMIN,
        ),
        "sources.webhook_left_behind": Sentence(
            _("The address of WISEflow leads to another host now: %(host)s. The webhook was registered at %(former)s."),
            effect=_("Calls from there are refused, and the new host does not call yet."),
            todo=_("Remove it in WISEflow at the former host, and register it again on the page of the webhook."),
            who=LICENCE_ADMIN,
        ),
        "sources.credential_of_another_host": Sentence(
            _(
                "The credential “%(label)s” was given for %(former)s, and the address of %(system)s leads elsewhere now."
            ),
            effect=_("It stays disabled, so that its secret is not sent to another host."),
            todo=_(
                "Type a new secret into it, test it and switch over to it; or put the former address back, and test it."
            ),
            who=LICENCE_ADMIN,
        ),
    }
)

# --- Loading sources from a file -----------------------------------------------------------------------------------

register(
    {
        "sources.load.no_file": Sentence(_("The file %(file)s cannot be read (%(detail)s)."), who=OPERATOR),
        "sources.load.not_toml": Sentence(_("%(file)s is not TOML: %(detail)s."), who=OPERATOR),
        "sources.load.no_sources": Sentence(_("%(file)s has no [[source]]."), who=OPERATOR),
        "sources.load.unknown_key": Sentence(
            _("%(where)s: unknown key %(key)s. Known keys: %(known)s."), effect=_("Nothing was loaded."), who=OPERATOR
        ),
        "sources.load.missing_key": Sentence(
            _("%(where)s: %(key)s is missing."), effect=_("Nothing was loaded."), who=OPERATOR
        ),
        "sources.load.wrong_kind": Sentence(
            _("%(where)s: %(key)s must be %(kind)s."), effect=_("Nothing was loaded."), who=OPERATOR
        ),
        "sources.load.wrong_value": Sentence(
            _("%(where)s: %(key)s: %(detail)s"), effect=_("Nothing was loaded."), who=OPERATOR
        ),
        "sources.load.wrong_together": Sentence(
            _("%(where)s: %(detail)s"), effect=_("Nothing was loaded."), who=OPERATOR
        ),
        "sources.load.twice": Sentence(
            _("%(where)s: %(key)s is there more than once."), effect=_("Nothing was loaded."), who=OPERATOR
        ),
        "sources.load.no_variable": Sentence(
            _("%(where)s: the environment variable %(name)s is not set, or empty."),
            effect=_("Nothing was loaded."),
            who=OPERATOR,
        ),
    }
)
