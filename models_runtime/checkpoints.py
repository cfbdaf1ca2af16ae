"""Registering checkpoints and opening the engines behind them."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.constraints import violated
from annotation.models import Project, User
from annotation.phrases import say
from models_runtime.catalogue import ENGINES
from models_runtime.engines import Capability, Cause, Engine, EngineError, ModelReference
from models_runtime.errors import InvalidCheckpoint, NotPossible
from models_runtime.models import Checkpoint
from models_runtime.models.checkpoint import SECRET_PREFIX

SECRET_PATTERN = re.compile(rf"{SECRET_PREFIX}[A-Z0-9_]+")
HOW_TO_WRITE_A_KEY = say(
    "Its value is the server's host name, a blank, and the key, so that the key goes nowhere else."
)


def register(
    *,
    project: Project,
    name: str,
    engine: str,
    model: str,
    base_url: str = "",
    revision: str = "",
    licence: str = "",
    options: Mapping[str, Any] | None = None,
    secret_variable: str = "",
    user: User | None = None,
) -> Checkpoint:
    """Write down a model that `project` may use, after opening its engine once to see that the
    description fits. The model isn't asked anything yet. A local model whose files are here is
    pinned to them: later jobs refuse others. Raises InvalidCheckpoint.
    """
    checkpoint = Checkpoint(
        project=project,
        name=name.strip(),
        engine=engine,
        model=model.strip(),
        base_url=base_url.strip(),
        revision=revision.strip(),
        licence=licence.strip(),
        options=dict(options or {}),
        secret_variable=secret_variable.strip(),
        created_by=user,
    )
    _check(checkpoint)
    try:
        with transaction.atomic():
            checkpoint.save()
    except IntegrityError as error:
        if violated(error) != "one_checkpoint_per_project_and_name":
            raise
        raise InvalidCheckpoint(
            "name",
            say(
                "This project already has a checkpoint called “%(name)s”. Choose another name.",
                name=name,
            ),
        ) from error
    return checkpoint


def _check(checkpoint: Checkpoint) -> None:
    if not checkpoint.name:
        raise InvalidCheckpoint("name", say("Give the checkpoint a name, such as the model's."))
    plugin = ENGINES.get(checkpoint.engine)
    if plugin is None:
        raise InvalidCheckpoint(
            "engine", say("Choose one of these engines: %(names)s.", names=", ".join(ENGINES))
        )
    because = plugin.unavailable_because()
    if because:
        raise InvalidCheckpoint(
            "engine", say("This engine can't be used here: %(because)s.", because=because)
        )
    variable = checkpoint.secret_variable
    if variable and not SECRET_PATTERN.fullmatch(variable):
        raise InvalidCheckpoint(
            "secret_variable",
            say(
                "The variable's name must begin with %(secret_prefix)s and go on in "
                "capital letters, digits and underscores.",
                secret_prefix=SECRET_PREFIX,
            ),
        )
    try:
        with open_engine(checkpoint) as engine:
            checkpoint.revision = engine.info.revision  # pins what was left open, where it is here
    except EngineError as error:
        raise InvalidCheckpoint(
            _FIELD_OF.get(error.failure.cause, "options"), str(error)
        ) from error


_FIELD_OF = {
    Cause.FORBIDDEN_ADDRESS: "base_url",
    Cause.MODEL_NOT_FOUND: "model",
    Cause.UNAVAILABLE: "engine",
    Cause.UNAUTHORISED: "secret_variable",
}


def checkpoint_named(project: Project, name: str) -> Checkpoint:
    """A project's checkpoint that isn't retired. Raises NotPossible, naming those there are."""
    usable = Checkpoint.objects.filter(project=project, retired_at__isnull=True)
    try:
        return usable.get(name=name)
    except Checkpoint.DoesNotExist as error:
        known = ", ".join(usable.values_list("name", flat=True))
        there_are = (
            say("There are: %(known)s.", known=known) if known else say("Register one first.")
        )
        raise NotPossible(
            say(
                "“%(project)s” has no checkpoint “%(name)s”. %(there_are)s",
                project=project,
                name=name,
                there_are=there_are,
            )
        ) from error


def retire(checkpoint: Checkpoint) -> None:
    """Take it off the lists for new jobs. What it made stays, and so do its jobs."""
    if checkpoint.retired_at is None:
        checkpoint.retired_at = timezone.now()
        checkpoint.save(update_fields=["retired_at"])


def open_engine(checkpoint: Checkpoint) -> Engine:
    """The engine of a checkpoint, with its key, without what its probe saw it not do.

    Raises EngineError with a sentence."""
    engine = open_as_described(checkpoint)
    engine.narrow(checkpoint.withheld)
    return engine


def abilities_of(checkpoint: Checkpoint) -> frozenset[Capability] | None:
    """What jobs may ask of a checkpoint, told without its key; None where it can't be opened."""
    try:
        with _opened(checkpoint, secret="") as engine:
            return engine.info.can - set(checkpoint.withheld)
    except EngineError:
        return None


def require(checkpoint: Checkpoint, needs: Iterable[Capability]) -> None:
    """Raise EngineError(UNSUPPORTED), with a sentence, where it can't do what a job needs. Other
    troubles, such as a missing key, are left to the job's own start."""
    try:
        engine = _opened(checkpoint, secret="")
    except EngineError:
        return
    with engine:
        engine.narrow(checkpoint.withheld)
        engine.require(needs)


def open_as_described(checkpoint: Checkpoint) -> Engine:
    """The engine of a checkpoint as its description promises it, for finding out what holds."""
    return _opened(checkpoint, secret=read_secret(checkpoint))


def _opened(checkpoint: Checkpoint, *, secret: str) -> Engine:
    plugin = ENGINES.get(checkpoint.engine)
    if plugin is None:
        raise EngineError(
            Cause.UNAVAILABLE,
            say("This installation has no engine “%(engine)s”.", engine=checkpoint.engine),
        )
    return plugin.open(
        ModelReference(
            model=checkpoint.model,
            base_url=checkpoint.base_url,
            revision=checkpoint.revision,
            options=checkpoint.options,
            secret=secret,
        )
    )


def read_secret(checkpoint: Checkpoint) -> str:
    """The key from the environment, if the checkpoint names a variable; "" if it doesn't.

    The variable holds `host key`, and the key is given out for that host only: otherwise whoever
    may register a checkpoint could have any key sent to a server of their own.
    """
    variable = checkpoint.secret_variable
    if not variable:
        return ""
    if not SECRET_PATTERN.fullmatch(variable):
        raise EngineError(
            Cause.UNAUTHORISED,
            say("%(variable)s isn't a name for a model server's key.", variable=variable),
        )
    host, _, key = os.environ.get(variable, "").strip().partition(" ")
    if not key:
        raise EngineError(
            Cause.UNAUTHORISED,
            say(
                "The environment variable %(variable)s isn't set here as “host key”. ",
                variable=variable,
            )
            + HOW_TO_WRITE_A_KEY,
        )
    wanted = (urlsplit(checkpoint.base_url).hostname or "").lower()
    if host.lower() != wanted:
        raise EngineError(
            Cause.UNAUTHORISED,
            say(
                "The key in %(variable)s is for another host than %(value)s. ",
                variable=variable,
                value=wanted or "this checkpoint’s",
            )
            + HOW_TO_WRITE_A_KEY,
        )
    return key.strip()
