"""Sign-in at the university: one provider of OpenID Connect, and SAML 2.0 with one identity provider or a whole federation.

Protocols only: what they say of a person is a `Subject`. Who that is here is decided in `sources/identity/federated.py`.
"""

from ladokflow.federation import messages

__all__ = ["messages"]
