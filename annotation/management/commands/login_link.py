"""`login_link --user NAME`: print the path of a link that logs this account in once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from annotation.login_links import create_link
from annotation.models import User


class Command(BaseCommand):
    help = "Print the path of a link that logs one account in once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="the account's name")
        parser.add_argument("--hours", type=float, default=24, help="how long it stays valid")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"there is no active account called {options['user']!r}")
        if options["hours"] <= 0:
            raise CommandError("--hours must be more than 0")
        secret = create_link(user, lifetime=timedelta(hours=options["hours"]))
        self.stdout.write(reverse("annotation:login-once", args=[secret]))
