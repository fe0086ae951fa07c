"""Requests to WISEflow, and the sandbox's answers, held against WISEflow's own OpenAPI document.

The document is not ours to hand out: it is read from where WISEFLOW_OPENAPI points, and without it these checks are left out
(the fixture `openapi_path` says so).
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

HOST, BASE = "https://europe-api.wiseflow.net", "/v1"
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass
class Request:
    """What openapi-core wants to know of a request."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass
class Response:
    status_code: int
    content_type: str
    data: bytes
    headers: Headers = field(default_factory=Headers)


@dataclass
class Operation:
    template: str
    pattern: re.Pattern[str]
    definition: Mapping[str, Any]
    parameters: list[Mapping[str, Any]]
    document: Mapping[str, Any]

    @cached_property
    def openapi(self) -> OpenAPI:
        """The document with no other path than this one: a third of the time would go by in looking for it among all."""
        paths = {self.template: self.document["paths"][self.template]}
        return OpenAPI.from_dict({**self.document, "paths": paths}, config=Config(spec_validator_cls=None))


class Document:
    def __init__(self, path: Path) -> None:
        self.raw = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        self.operations: dict[str, list[Operation]] = {method: [] for method in METHODS}
        for template, item in self.raw["paths"].items():
            # Literal segments come before placeholders, as the standard says: "/flows/search" is no flow id.
            segments = re.split(r"(\{[^}]+\})", template)
            pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in segments)
            for method in METHODS:
                if method in item:
                    parameters = [
                        self.resolved(p) for p in (*item.get("parameters", ()), *item[method].get("parameters", ()))
                    ]
                    for parameter in parameters:
                        _without_null_default(parameter.get("schema"))
                    operation = Operation(template, re.compile(pattern), item[method], parameters, self.raw)
                    self.operations[method].append(operation)
        for found in self.operations.values():
            found.sort(key=lambda operation: operation.template.count("{"))

    def resolved(self, node: Any) -> Any:
        while isinstance(node, Mapping) and "$ref" in node:
            target = self.raw
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def operation(self, method: str, path: str) -> Operation | None:
        candidates = self.operations.get(method.lower(), [])
        return next((operation for operation in candidates if operation.pattern.fullmatch(path)), None)

    def unknown_keys(self, schema: Any, value: Any, where: str = "") -> list[str]:
        """Keys of a JSON body that the document does not know: a misspelt one is valid JSON Schema, and does nothing."""
        schema = self.resolved(schema)
        if not isinstance(schema, Mapping):
            return []
        if isinstance(value, list):
            found = [self.unknown_keys(schema.get("items"), row, f"{where}[]") for row in value]
            return list(dict.fromkeys(key for keys in found for key in keys))
        if not isinstance(value, dict) or not (known := self._properties(schema)):
            return []
        unknown = [f"{where}.{key}".lstrip(".") for key in value if key not in known]
        for key in known.keys() & value.keys():
            unknown += self.unknown_keys(known[key], value[key], f"{where}.{key}")
        return unknown

    def _properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        known = dict(schema.get("properties", {}))
        for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
            known |= self._properties(self.resolved(part))
        return known


def _without_null_default(schema: Any) -> None:
    """A default of null, of what may not be null, is the document's word for none: openapi-core would take it for a value."""
    if isinstance(schema, dict) and schema.get("default", "") is None:
        del schema["default"]


@cache
def _document(path: str) -> Document:
    return Document(Path(path))


def document() -> Document:
    """WISEflow's OpenAPI document. KeyError where WISEFLOW_OPENAPI is not set."""
    return _document(os.environ["WISEFLOW_OPENAPI"])


def check_requests(requests: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong with these requests; empty when all is well.

    A request has `method`, `path` (with or without what stands before the API, such as "/wiseflow/v1"), `query` (a text or
    an object), `headers` and `body` (text, bytes or None).
    """
    return [problem for request in requests for problem in check_request(request)]


def check_request(request: Mapping[str, Any]) -> list[str]:
    api = document()
    path = _path(request["path"])
    name = f"{request['method'].upper()} {path}"
    operation = api.operation(request["method"], path)
    if operation is None:
        return [f"{name}: there is no such operation"]
    problems = [f"{name}: deprecated"] if operation.definition.get("deprecated") else []
    asked = _request(request, path)
    documented = {parameter["name"] for parameter in operation.parameters if parameter["in"] == "query"}
    problems += [
        f"{name}: undocumented query parameter {key}" for key in asked.parameters.query if key not in documented
    ]
    with warnings.catch_warnings():
        # openapi-core cannot check an OAuth token, and says so every time; the sandbox does.
        warnings.filterwarnings("ignore", "Unsupported scheme type")
        problems += [f"{name}: {_words(error)}" for error in operation.openapi.iter_request_errors(asked)]
    return problems + [f"{name}: {words}" for words in _body_problems(api, operation, asked)]


def _body_problems(api: Document, operation: Operation, asked: Request) -> list[str]:
    described = api.resolved(operation.definition.get("requestBody"))
    if not described:
        return ["a body where none is described"] if asked.body else []
    if not asked.body:
        return []
    content = described["content"].get(asked.content_type.split(";")[0])
    if content is None:
        return [f"content type {asked.content_type or '(none)'} is not one of {', '.join(described['content'])}"]
    if "json" in asked.content_type:
        body = json.loads(asked.body)
    else:
        body = dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
    return [f"unknown key {key} in the body" for key in api.unknown_keys(content.get("schema"), body)]


def check_answer(request: Mapping[str, Any], status: int, headers: Mapping[str, str], body: bytes | str) -> list[str]:
    """What is wrong with an answer to a request: a status, a content type or a shape the document does not have."""
    api = document()
    path = _path(request["path"])
    name = f"{request['method'].upper()} {path} -> {status}"
    operation = api.operation(request["method"], path)
    if operation is None:
        return [f"{name}: there is no such operation"]
    data = body.encode() if isinstance(body, str) else body
    responses = operation.definition["responses"]
    described = api.resolved(responses.get(str(status), responses.get(status, responses.get("default"))))
    # 429 and 401 may come to any request; the document tells of them in words.
    if described is None:
        return [] if status in (401, 429) else [f"{name}: the document has no such answer"]
    content = described.get("content")
    if not content:
        return [f"{name}: a body where none is described"] if data.strip() and status == 204 else []
    data = _without_nulls(data)
    given = {key.lower(): value for key, value in headers.items()}.get("content-type", "").split(";")[0]
    answer = Response(status, given or "application/json", data, Headers(list(headers.items())))
    errors = operation.openapi.iter_response_errors(_request(request, path), answer)
    return [f"{name}: {_words(error)}" for error in errors]


def _without_nulls(data: bytes) -> bytes:
    """The answer without an empty `error` or `data`: the document's own examples have null there, its schemas do not."""
    try:
        body = json.loads(data)
    except ValueError:
        return data
    if not isinstance(body, dict) or "success" not in body:
        return data
    return json.dumps({key: value for key, value in body.items() if value is not None}).encode()


def _path(path: str) -> str:
    """The path as the document writes it: what comes after "/v1"."""
    plain = urlsplit(path).path
    _before, found, after = plain.partition(BASE + "/")
    return f"/{after}" if found else plain


def _request(request: Mapping[str, Any], path: str) -> Request:
    query = request.get("query") or urlsplit(request["path"]).query
    if isinstance(query, Mapping):
        pairs = [(k, v) for k, values in query.items() for v in (values if isinstance(values, list) else [values])]
    else:
        pairs = parse_qsl(query, keep_blank_values=True) if isinstance(query, str) else [tuple(pair) for pair in query]
    headers = Headers({str(key): str(value) for key, value in dict(request.get("headers") or {}).items()})
    body = request.get("body")
    if isinstance(body, dict | list):
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    parameters = RequestParameters(
        query=ImmutableMultiDict(pairs), header=headers, cookie=ImmutableMultiDict(), path={}
    )
    kind = headers.get("content-type", "").lower()
    return Request(HOST, BASE + unquote(path), request["method"].lower(), parameters, kind, data or None)


def _words(error: BaseException) -> str:
    """What openapi-core says, down to the causes, without the document it says it about."""
    parts = []
    for one in getattr(error.__cause__ or error, "schema_errors", ()):
        where = ".".join(str(part) for part in one.absolute_path)
        parts.append(f"{where}: {one.message[:300]}" if where else one.message[:300])
    return "; ".join(dict.fromkeys(parts or [str(error).splitlines()[0]]))[:1000]


def main() -> int:
    """`python -m tests.openapi FOLDER`: hold what the tests have written down there against the document."""
    from tests.recorder import checked

    if not Path(sys.argv[1]).is_dir():
        raise SystemExit(f"There is no folder {sys.argv[1]}.")
    told, problems = checked(Path(sys.argv[1]))
    print("\n".join([told, *problems[:50]]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
