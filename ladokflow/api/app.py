"""The API put together, and its description: `/api/v1/openapi.json`, which is docs/openapi.json (`make docs` writes it)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Form, NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser

from ladokflow.api import logs, problems, reading, schemas, starting, statistics
from ladokflow.api.callers import Bearer, count_tokens
from ladokflow.api.oauth import answer_token
from ladokflow.response import Answer
from sources.models import Scope

DESCRIPTION = """For other systems of a university: how its flows and their grades are, and the same that a manager can start.

Every call needs a bearer token: an API token, or an access token of an OAuth client; both are made by a licence admin, act as a member of
one university, and never may do more than that member. Errors are `application/problem+json` (RFC 9457) and say what to do next.
What is started is told with 202 and done by a worker: ask for it until it has ended. docs/api.md has examples."""
OAUTH = {
    "type": "oauth2",
    "flows": {
        "clientCredentials": {
            "tokenUrl": "/api/v1/oauth/token",
            "scopes": {scope.value: scope.name.replace("_", " ").capitalize() for scope in Scope},
        }
    },
}
ERRORS = {
    "401": "No token, or one that is not good any more",
    "403": "The token, or its member, may not do it",
    "404": "Not there, or of another university",
    "409": "Not as things stand: a rule says no, or it is not what was seen",
    "422": "Not what is taken here",
    "429": "Too many requests: see the header Retry-After",
    "500": "An error in LadokFlow",
}
OF_A_BODY = {"400": "The body cannot be read", "413": "More than is taken at once"}


class StrictParser(Parser):
    """JSON as it is read from elsewhere: within bounds, each key once, nothing that no database takes."""

    def parse_body(self, request: HttpRequest) -> Any:
        return Answer(200, body=request.body).json()


class Document(OpenAPISchema):
    """With the errors of each call, and the scope it needs of either kind of token."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        details: dict[str, Any] = super().operation_details(operation)
        told = ERRORS | (OF_A_BODY if "requestBody" in details else {})
        content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for status, description in told.items():
            details["responses"][status] = {"description": description, "content": content}
        scope = next((auth.scope for auth in operation.auth_callbacks if isinstance(auth, Bearer)), None)
        if "security" in details:
            details["security"].append({"OAuth": [scope.value] if scope else []})
        if scope is not None:
            details["description"] = f"{details.get('description', '')}\n\nScope: `{scope.value}`".strip()
        return details

    def get_components(self) -> dict[str, Any]:
        self.schemas["Problem"] = schemas.Problem.model_json_schema(by_alias=True, mode="serialization")
        self.securitySchemes["OAuth"] = OAUTH
        components: dict[str, Any] = super().get_components()
        return components


class Api(NinjaAPI):
    _document: Document | None = None

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        """The same for everybody, and put together once."""
        if self._document is None:
            self._document = Document(
                self, self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
            )
        return self._document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


api = Api(
    title="LadokFlow",
    version="1",
    description=DESCRIPTION,
    docs_url=None,
    parser=StrictParser(),
    urls_namespace="api",
)
problems.handle(api)
api.add_router("", reading.router)
api.add_router("", logs.router)
api.add_router("", starting.router)
api.add_router("", statistics.router)


@api.post("/oauth/token", response=schemas.TokenOut, auth=None, tags=["Access"])
def token(request: HttpRequest, given: Form[schemas.TokenIn]) -> HttpResponse:
    """An access token for an OAuth client (`grant_type=client_credentials`), good for an hour."""
    count_tokens(request)
    return answer_token(request)
