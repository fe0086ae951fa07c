"""Users of the licence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ladokflow.messages import Trait, message
from ladokflow.wiseflow.connection import Connection, chunks
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import User, _UserId

PAGE = 100


class People(Connection):
    def search_users(self, identifiers: Iterable[tuple[int, str]]) -> list[User]:
        """POST /users/search. `identifiers` are (id of the data type, value); each user comes once."""
        wanted = list(dict.fromkeys((type_id, value) for type_id, value in identifiers if value))
        users: dict[int, User] = {}
        # An empty filter could mean "everybody": chunks() of nothing asks nothing.
        for found in self.side_by_side(self._search, chunks(wanted)):
            for user in found:
                users.setdefault(user.id, user)
        return list(users.values())

    def _search(self, identifiers: Sequence[tuple[int, str]]) -> list[User]:
        body = {"dataTypes": [{"id": type_id, "value": value} for type_id, value in identifiers]}
        return self.get_all("/users/search", User, limit=PAGE, body=body)

    def save_user(
        self,
        *,
        first_name: str,
        last_name: str,
        external_ids: Sequence[tuple[int, str]],
        roles: Sequence[int],
        emails: Sequence[str] = (),
        language: str = "sv",
    ) -> int:
        """POST /license/user: creates the user, or updates the one with any of these identifiers. Gives the user id.

        Names are overwritten; e-mails, identifiers of kinds that hold several, and roles are added.
        """
        body = {
            "firstName": first_name,
            "lastName": last_name,
            "externalIds": [{"userDataTypeId": type_id, "value": value} for type_id, value in external_ids],
            "language": language,
            "roles": list(roles),
            "emails": list(emails),
        }
        try:
            saved: _UserId = self.write("POST", "/license/user", body, _UserId)
        except WiseflowError as error:
            # The older endpoints refuse with an empty body.
            if not error.message.has(Trait.UNEXPLAINED):
                raise
            reason = message("wiseflow.user_refused_unsaid", status=error.status)
            raise WiseflowError(
                reason,
                permanent=True,
                status=error.status,
                reference=error.reference,
                is_about_one=error.is_about_one,
            ) from error
        return saved.user_id
