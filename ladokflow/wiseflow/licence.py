"""What belongs to the licence: roles, data types, scales, webhooks. Read once per client, or once a minute (`shares_answers`)."""

from __future__ import annotations

from collections.abc import Sequence

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.schemas import FlowType, GradingScale, LicenceInfo, LicenceRole, UserDataType, Webhook


class Licence(Connection):
    def licence_info(self) -> LicenceInfo:
        """GET /license/info"""
        return self.keep("info", lambda: self.get("/license/info", LicenceInfo))

    def user_data_types(self) -> list[UserDataType]:
        """GET /license/user-data-types"""
        return self.keep("user_data_types", lambda: self.get("/license/user-data-types", list[UserDataType]))

    def licence_roles(self) -> list[LicenceRole]:
        """GET /license/roles"""
        return self.keep("roles", lambda: self.get("/license/roles", list[LicenceRole]))

    def flow_types(self) -> list[FlowType]:
        """GET /license/flow-types"""
        return self.keep("flow_types", lambda: self.get("/license/flow-types", list[FlowType]))

    def grading_scales(self, *, holding: int | None = None) -> list[GradingScale]:
        """GET /license/grading-scales. `holding`: the id of one that is among them, unless WISEflow itself leaves it out."""

        def holds(rows: list[GradingScale]) -> bool:
            return holding is None or any(row.id == holding for row in rows)

        return self.keep("grading_scales", lambda: self.get("/license/grading-scales", list[GradingScale]), holds)

    def webhooks(self) -> list[Webhook]:
        """GET /webhooks"""
        hooks: list[Webhook] = self.get("/webhooks", list[Webhook])
        return hooks

    def create_webhook(
        self, *, title: str, url: str, secret: str, events: Sequence[str], active: bool = True
    ) -> Webhook:
        """POST /webhooks. The secret can be given here only: another one means another webhook."""
        body = {"title": title, "url": url, "secret": secret, "active": active, "events": list(events)}
        hook: Webhook = self.write("POST", "/webhooks", body, Webhook)
        return hook

    def delete_webhook(self, webhook_id: int) -> None:
        """DELETE /webhooks/{webhookId}"""
        self.write("DELETE", f"/webhooks/{webhook_id:d}")

    def test_webhook(self, webhook_id: int) -> None:
        """POST /webhooks/{webhookId}/test: WISEflow calls the webhook once."""
        self.write("POST", f"/webhooks/{webhook_id:d}/test")
