"""Make an API token from the command line, for a script on the server or a first set-up."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import tokens
from annotation.models import Project, User


class Command(BaseCommand):
    help = (
        "Make an API token and print its secret, alone on standard output, once. "
        "It can't be shown again: only its digest is kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="the account it acts for")
        parser.add_argument("--name", default="command line", help="what will use it")
        parser.add_argument(
            "--scope",
            action="append",
            choices=tokens.Scope.values,
            required=True,
            help="what it may do; give it several times for several scopes",
        )
        parser.add_argument("--project", help="the slug of the only project it reaches")
        parser.add_argument("--days", type=int, default=tokens.LIFETIME.days)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            issued = tokens.issue(
                user=self._user(options["user"]),
                name=options["name"],
                scopes=options["scope"],
                project=self._project(options["project"]),
                lifetime=timedelta(days=options["days"]),
            )
        except (tokens.InvalidToken, OverflowError) as error:
            raise CommandError(str(error)) from error
        self.stderr.write(
            f"{issued.token.name}: works until {issued.token.expires_at:%Y-%m-%d}, "
            f"may {', '.join(issued.token.scopes)}. Its secret isn't kept; copy it now."
        )
        self.stdout.write(issued.secret)

    def _user(self, username: str) -> User:
        try:
            return User.objects.get(username=username)
        except User.DoesNotExist as error:
            raise CommandError(f"There is no account called {username}.") from error

    def _project(self, slug: str | None) -> Project | None:
        if slug is None:
            return None
        try:
            return Project.objects.get(slug=slug)
        except Project.DoesNotExist as error:
            raise CommandError(f"There is no project called {slug}.") from error
