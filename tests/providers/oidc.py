"""A provider of OpenID Connect: django-oauth-toolkit in a process of its own.

What it is to do wrong is told with `/wrong/?with=...`; then it does so until it is told otherwise.
"""

from __future__ import annotations

import sys
import time
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

CLIENT_ID, CLIENT_SECRET = "ladokflow", "a secret between the two"
PERSON, PASSWORD = "anna", "at the university"
WRONG = {"with": ""}
LOGIN = """<!doctype html><html lang="en"><title>Sign in</title><h1>The university</h1><form method="post">{% csrf_token %}
{{ form.as_p }}<input type="hidden" name="next" value="{{ next }}"><button>Sign in</button></form></html>"""


def configure() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    settings.configure(
        SECRET_KEY="of the provider",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SESSION_COOKIE_NAME="provider",
        CSRF_COOKIE_NAME="provider_csrf",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN})]},
            }
        ],
        LOGIN_URL="/login/",
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": pem.decode(),
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
            "PKCE_REQUIRED": True,
            "ALLOWED_REDIRECT_URI_SCHEMES": ["http"],
            "SCOPES": {"openid": "", "profile": "", "email": ""},
        },
    )


if __name__ == "__main__":
    sys.modules["tests.providers.oidc"] = sys.modules[__name__]
    __name__ = "tests.providers.oidc"
    configure()
    django.setup()

    from django.contrib.auth.models import User
    from django.contrib.auth.views import LoginView
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import include, path
    from oauth2_provider.models import Application
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):
        oidc_claim_scope = None

        def get_additional_claims(self, request: Any) -> dict[str, Any]:
            return {
                "sub": f"subject-of-{request.user.username}",
                "name": "Anna Andersson",
                "eduperson_principal_name": ["anna@liu.example"],
                "email": "anna@liu.example",
                "email_verified": WRONG["with"] != "unverified",
                "groups": ["ladokflow-managers"],
                "amr": ["pwd", "mfa"] if WRONG["with"] == "mfa" else ["pwd"],
                "eduperson_assurance": ["https://refeds.org/assurance/IAP/high"],
            }

        def get_id_token_dictionary(self, token: Any, token_handler: Any, request: Any) -> Any:
            claims, expires = super().get_id_token_dictionary(token, token_handler, request)
            now = int(time.time())
            claims |= {
                "audience": {"aud": "another-client"},
                "issuer": {"iss": "http://127.0.0.1:1/o"},
                "expired": {"exp": now - 3600, "iat": now - 7200, "auth_time": now - 7200},
                "nonce": {"nonce": "of another sign-in"},
            }.get(WRONG["with"], {})
            return claims, expires

        def finalize_id_token(self, *args: Any, **kwargs: Any) -> str:
            head, body, signature = super().finalize_id_token(*args, **kwargs).split(".")
            if WRONG["with"] == "signature":
                signature = ("B" if signature[0] == "A" else "A") + signature[1:]
            if WRONG["with"] == "none":
                head, signature = "eyJhbGciOiJub25lIn0", ""
            return f"{head}.{body}.{signature}"

    def wrong(request: HttpRequest) -> HttpResponse:
        WRONG["with"] = request.GET.get("with", "")
        return HttpResponse("so be it")

    urlpatterns = [
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
        path("login/", LoginView.as_view()),
        path("wrong/", wrong),
    ]

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    call_command("migrate", verbosity=0)
    User.objects.create_user(PERSON, password=PASSWORD)
    Application.objects.create(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        client_type="confidential",
        authorization_grant_type="authorization-code",
        algorithm="RS256",
        skip_authorization=True,
        # The tests' own server has another port each time: a client that has signed up says its own, as far as the host goes.
        redirect_uris="http://127.0.0.1:8000/sign-in/oidc/answer/",
    )

    Application.redirect_uri_allowed = lambda self, uri: uri.startswith(("http://127.0.0.1:", "http://localhost:"))
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        print(server.server_port, flush=True)  # noqa: T201
        server.serve_forever()
