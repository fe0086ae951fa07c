"""What is told of people and how they sign in: the audit log's entries, and what is refused."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, Sentence, register

# The audit log
register(
    {
        "identity.invited": Sentence(_("Invited %(email)s.")),
        "identity.invitation_withdrawn": Sentence(_("Withdrew the invitation of %(email)s.")),
        "identity.invitation_used": Sentence(_("%(email)s took up the invitation.")),
        "identity.password_changed": Sentence(_("%(email)s changed their password.")),
        "identity.password_reset": Sentence(_("%(email)s chose a new password by a letter.")),
        "identity.password_letter": Sentence(_("Had a letter for a new password sent to %(email)s.")),
        "identity.account_changed": Sentence(_("Changed the account of %(email)s: %(fields)s.")),
        "identity.account_removed": Sentence(_("Removed the account of %(email)s.")),
        "identity.factor_added": Sentence(_("%(email)s added the second factor “%(factor)s”.")),
        "identity.factor_removed": Sentence(_("The second factor “%(factor)s” of %(email)s was removed.")),
        "identity.recovery_codes_made": Sentence(_("%(email)s made new recovery codes.")),
        "identity.recovery_code_used": Sentence(_("%(email)s signed in with a recovery code.")),
        "identity.linked": Sentence(_("%(email)s signs in at %(issuer)s as %(subject)s from now on.")),
        "identity.unlinked": Sentence(_("%(email)s no longer signs in at %(issuer)s as %(subject)s.")),
        "identity.member_by_rule": Sentence(_("%(email)s became a member by signing in at %(issuer)s: %(fields)s.")),
        "identity.member_changed_by_rule": Sentence(
            _("The membership of %(email)s was changed by signing in at %(issuer)s: %(fields)s.")
        ),
        "identity.member_gone_by_rule": Sentence(
            _("%(email)s is no longer a member: the sign-in at %(issuer)s does not say so any more.")
        ),
        "identity.rule_added": Sentence(_("Added the membership by sign-in %(rule)s: %(fields)s.")),
        "identity.rule_changed": Sentence(_("Changed the membership by sign-in %(rule)s: %(fields)s.")),
        "identity.rule_removed": Sentence(_("Removed the membership by sign-in %(rule)s.")),
        "identity.scope_added": Sentence(_("Added the scope %(scope)s of the university's sign-in.")),
        "identity.scope_changed": Sentence(_("Changed the scope of the university's sign-in: %(fields)s.")),
        "identity.scope_removed": Sentence(_("Removed the scope %(scope)s of the university's sign-in.")),
    }
)

# Rules
register(
    {
        "identity.rule_beyond": Sentence(
            _("This rule gives more than you may do yourself at %(source)s, and it could give it to you."),
            _("Nothing was changed."),
            _("Choose less, or ask a licence admin who has these rights to make the rule."),
            LICENCE_ADMIN,
        ),
    }
)

# Invitations
register(
    {
        "identity.can_sign_in_already": Sentence(
            _("%(email)s can sign in already, and needs no invitation."),
            todo=_("Who has forgotten the password asks for a new one at the sign-in."),
        ),
        "identity.no_address": Sentence(
            _("No e-mail address of %(email)s is known, so no invitation can be sent."),
            todo=_("Have the address added to the account."),
            who=OPERATOR,
        ),
        "identity.account_inactive": Sentence(
            _("The account of %(email)s is switched off, so no invitation is sent."),
            todo=_("Have it switched on."),
            who=OPERATOR,
        ),
        "identity.no_password_letter": Sentence(
            _("%(email)s was sent no letter: the account is switched off, or no e-mail address of it is known."),
            todo=_("Change the account first."),
            who=OPERATOR,
        ),
        "identity.letter_left_undone": Sentence(
            _("The invitation to %(email)s could not be sent."),
            todo=_("Send it again. If it fails again, the mail server does not take it: EMAIL_URL says which it is."),
            who=OPERATOR,
        ),
        "identity.link_is_void": Sentence(
            _("This link does not let you in: it has been used, withdrawn or replaced by a newer one, or has expired."),
            todo=_("Look for a newer letter, or ask your licence admin to invite you again."),
        ),
    }
)

# Second factors
register(
    {
        "identity.wrong_code": Sentence(
            _("The code is wrong, or has been used."),
            todo=_("Wait for the next one, and check that the clock of the phone is right."),
        ),
        "identity.wrong_key": Sentence(
            _("The security key was not accepted."), todo=_("Try again, or use another way.")
        ),
        "identity.last_factor": Sentence(
            _("This is your only second factor, and you need one."), todo=_("Add another one first.")
        ),
    }
)
