"""What the API says when it does not do what it was asked for."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, Sentence, register

register(
    {
        "api.no_token": Sentence(
            _("The request has no bearer token."),
            todo=_("Send the header Authorization: Bearer, with an API token or an access token of an OAuth client."),
        ),
        "api.unknown_token": Sentence(
            _("The bearer token is not known here, or not any more."),
            todo=_("Get a new access token with the OAuth client, or have a new API token made."),
            who=LICENCE_ADMIN,
        ),
        "api.disabled": Sentence(
            _("“%(access)s” is disabled."), todo=_("Have it enabled, or another one made."), who=LICENCE_ADMIN
        ),
        "api.expired": Sentence(
            _("“%(access)s” has expired."), todo=_("Have its end moved, or another one made."), who=LICENCE_ADMIN
        ),
        "api.scope_missing": Sentence(
            _("“%(access)s” does not have the scope %(scope)s."),
            todo=_(
                "Have the scope given to it, if it is to do this. To an OAuth client: ask for it with the access token, too."
            ),
            who=LICENCE_ADMIN,
        ),
        "api.right_missing": Sentence(
            _("“%(access)s” acts as %(email)s, who may not do this: a token never may do more than its member."),
            todo=_("Have the right given to the member, or a token made for another one who has it."),
            who=LICENCE_ADMIN,
        ),
        "api.not_found": Sentence(
            _("There is nothing at this address, or it belongs to another university."),
            todo=_("See if the address and the key in it are right: the lists have the keys."),
        ),
        "api.not_allowed": Sentence(
            _("The address does not take this method."), todo=_("The header Allow says which ones it takes.")
        ),
        "api.not_acceptable": Sentence(
            _("The request cannot be read."), todo=_("Correct it: openapi.json says what is taken.")
        ),
        "api.not_json": Sentence(
            _("The body of the request is not JSON that can be read."), todo=_("Send a JSON object, in UTF-8.")
        ),
        "api.invalid": Sentence(
            _("What was sent is not what is taken here."),
            _("Nothing was done."),
            _("Correct what “errors” names: openapi.json says what is taken."),
        ),
        "api.too_large": Sentence(
            _("More was sent than is taken at once."), _("Nothing was done."), _("Send less at a time.")
        ),
        "api.too_many": Sentence(
            _("“%(access)s” has made %(most)s requests within a minute, and no more are taken."),
            todo=_(
                "Wait as many seconds as the header Retry-After says. Ask for lists by page, and not more often than anything changes."
            ),
        ),
        "api.too_many_tokens": Sentence(
            _("Access tokens were asked for too often from this address."),
            todo=_(
                "Wait as many seconds as the header Retry-After says. An access token is good for an hour: use it so long."
            ),
        ),
        "api.broken": Sentence(
            _("Something went wrong in LadokFlow that should not."),
            _("If something was to be done, it is not known here if it was."),
            _(
                "Read how it is now, and say it again with the same Idempotency-Key: nothing is done twice. If it stays so, tell those who run LadokFlow."
            ),
            OPERATOR,
        ),
        "api.failed": Sentence(_("The request was not done."), todo=_("See the status."), who=OPERATOR),
        "api.unknown_after": Sentence(
            _("There is no row with the key that “after” gives."), todo=_("Begin with the first page again.")
        ),
        "api.no_such_participants": Sentence(
            _("These are no participants of the flow: %(participants)s."),
            _("Nothing was done."),
            _("Use the keys that the list of the flow's participants gives."),
        ),
        "api.key_used_otherwise": Sentence(
            _("The Idempotency-Key was used for another request."),
            _("Nothing was done."),
            _(
                "Make a new key for each thing that is to be done, and use it again only to say the very same once more."
            ),
        ),
        "api.oauth_refused": Sentence(
            _("No access token was given."),
            todo=_(
                "Send a form with grant_type=client_credentials. See if the client id, the secret and the scopes are those of an OAuth client that is enabled and has not expired."
            ),
            who=LICENCE_ADMIN,
        ),
    }
)
