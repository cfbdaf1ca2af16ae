"""Who is asking: a bearer token in the Authorization header, or a logged-in browser's session."""

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from annotation import access, attempts, tokens
from annotation.access import Entrance
from annotation.models import ApiToken, Project, User

TOKEN_PARAMETERS = frozenset({"token", "access_token", "api_key", "apikey", "key", "auth"})
IN_ADDRESS = (
    "A token doesn't belong in an address: addresses are kept in histories and logs. Nothing was "
    "done. Send it in the header “Authorization: Bearer …”, and revoke the one you just used."
)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer pol_…`; afterwards `request.auth` is the ApiToken.

    A token in the address is refused even when a good one is in the header. Wrong tokens from one
    address are counted, and soon answered with 429; a right token always passes.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        refuse_token_in_address(request)
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            token, entrance = tokens.enter(secret.decode("ascii").strip(), slug=_slug(request))
        except (tokens.TokenRefused, UnicodeDecodeError) as error:
            self._count_failure(request)
            raise exceptions.AuthenticationFailed(_sentence(error)) from error
        tokens.note_use(token)
        request.entrance = entrance  # type: ignore[attr-defined]
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'

    def _count_failure(self, request: Request) -> None:
        address = attempts.address_of(request)
        wait = attempts.record_failure(attempts.API_TOKEN, address)
        if wait:
            raise exceptions.Throttled(wait=wait)


def _slug(request: Request) -> str:
    """The project in the address, "" outside any: its door is looked up with the token."""
    return str(request.parser_context["kwargs"].get("project", ""))


def entrance_of(request: Request) -> Entrance:
    """The sender's way into the project in the address.

    Raises Project.DoesNotExist if the sender may not know of it.
    """
    if isinstance(request.auth, ApiToken):
        found: Entrance | None = request.entrance  # type: ignore[attr-defined]
        if found is None:
            raise Project.DoesNotExist
        return found
    return access.entrance(request.user, _slug(request))


def _sentence(error: Exception) -> str:
    if isinstance(error, tokens.TokenRefused):
        return str(error)
    return "This isn't a Polyphony token: those begin with pol_."


def refuse_token_in_address(request: Request) -> None:
    for name, values in request.query_params.lists():
        if name.lower() in TOKEN_PARAMETERS or any(tokens.MARK in text for text in (name, *values)):
            raise exceptions.ParseError(IN_ADDRESS)
