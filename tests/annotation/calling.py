"""Calling the API in tests as one of the cast would: with a token, over HTTP."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from annotation import tokens
from annotation.models import Project, User
from annotation.tokens import Scope


@dataclass
class Caller:
    """A client that sends one token with every request."""

    secret: str
    base: str = "/api/v1"
    client: Client = field(default_factory=Client)

    def get(self, address: str, **query: Any) -> Any:
        return self.client.get(self.base + address, query, headers=self._headers())

    def post(self, address: str, body: Any = None) -> Any:
        return self.client.post(
            self.base + address,
            data={} if body is None else body,
            content_type="application/json",
            headers=self._headers(),
        )

    def send(self, method: str, address: str, body: Any = None) -> Any:
        return self.client.generic(
            method, self.base + address, body or "{}", "application/json", headers=self._headers()
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def as_(user: User, *scopes: Scope, project: Project | None = None) -> Caller:
    """A caller for `user`; with every scope unless some are named."""
    wanted: Collection[Scope] = scopes or tuple(Scope)
    issued = tokens.issue(user=user, name="test", scopes=wanted, project=project)
    return Caller(issued.secret)
