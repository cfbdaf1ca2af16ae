"""Publishing: a release is built beside, checked, and moved into place in one step, or not at all.

Files are written to a folder of their own, synced, hashed, signed and read again before anybody can
see them; one rename and one transaction make them visible. A worker that dies leaves a folder that
the next one, or the sweeper, clears away. Building twice gives the same bytes, so a release can be
proved against the log at any later time.
"""

import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction

from aggregation.catalogue import EXPORTS
from aggregation.curation import Curation
from aggregation.dataset_files import WrittenRows, write_rows, write_whole
from aggregation.manifest import file_entries, manifest_of, write_companions
from aggregation.models import Check, Release, Snapshot
from aggregation.rule_choices import newest_choice
from aggregation.signing import KeyUnusable, fingerprint, public_pem, sign, signing_key
from aggregation.snapshot import FrozenLog
from aggregation.verification import (
    MANIFEST,
    SIGNATURE,
    CheckLine,
    compare_folders,
    passed,
    verify,
)
from annotation.consent import withdrawals
from annotation.models import Judgment, LeaseLost, Work, WorkState
from annotation.phrases import say
from annotation.review.verdicts import newest_adjudication

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # renewed with every batch of rows
MOST_ATTEMPTS = 3
BUILDING = ".building"
ATTEMPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{1,9})")

FULL_DISK = say(
    "The disk is full, so nothing was published and the half-written files "
    "were removed. Free some space, then publish again."
)
REFUSED = say("The disk refused to write the release: {error}. Nothing was published.")
GAVE_UP = say(
    "The worker died {attempts} times while building this release. Nothing "
    "was published. See the server's log, then publish again."
)
PEOPLE_LEFT = say(
    "Somebody has withdrawn since the run was made whose scores were to go "
    "along, so nothing was published. Start the run anew, then publish with "
    "that."
)
UNEXPECTED = say(
    "Building this release stopped with an error: {error}. Nothing was "
    "published; the judgments are untouched. The server's log has the "
    "details."
)


class Cancelled(Exception):
    """Somebody asked for this work to stop."""


class LogChanged(Exception):
    """The log no longer says at a mark what it said there before; the text is for a person."""


class PeopleLeft(Exception):
    """Somebody withdrew after the run was made whose scores should go along."""


class Unsound(Exception):
    """The files just built don't pass their own verification."""


Watch = Callable[[int], None]


# --- Acts -------------------------------------------------------------------------------------


def publish(pk: int) -> None:
    """Build and publish release `pk` if it is claimable; otherwise do nothing.

    Whatever goes wrong, nobody ever sees a part of it: it ends as failed, with a sentence.
    """
    release = Release.objects.claim(pk, lease=LEASE)
    if release is None:
        return
    folder = building_folder(release)
    try:
        _guarded(release, lambda: _publish(release, folder))
    except LeaseLost:
        logger.warning("Release %s was taken over by another worker.", pk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(pk: int) -> None:
    """Carry out check `pk`: verify its release's files and, if asked, build them again."""
    row = Check.objects.claim(pk, lease=LEASE)
    if row is None:
        return
    folder = building_folder(row)
    try:
        _guarded(row, lambda: _check(row, folder))
    except LeaseLost:
        logger.warning("Check %s was taken over by another worker.", pk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def examine(
    release: Release, *, rebuild: bool = False, into: Path | None = None
) -> list[CheckLine]:
    """Verify a published release, and compare it with one built again if `rebuild`.

    The rebuilt files lie under `into`, which must not exist yet, and stay there.
    """
    return _examine(release, rebuild=rebuild, into=into, watch=None)


def build(release: Release, folder: Path, *, watch: Watch | None = None) -> dict[str, Any]:
    """Write the release's files into the new folder `folder` and return the manifest.

    Raises OSError from the disk, LogChanged if the log contradicts an earlier snapshot, and what
    `watch` raises; `watch` hears how many judgments were read, over all passes.
    """
    folder.mkdir(parents=True)
    progress = _Progress(watch)
    curation = Curation.from_plain(release.curation)
    log = FrozenLog(
        release.project,
        release.mark,
        curation,
        withdrawals=release.withdrawals,
        adjudications=release.adjudications,
        watch=progress.note,
    )
    written: dict[str, WrittenRows] = {}
    for slug in release.exports:
        progress.next_pass()
        export = EXPORTS[slug]
        written[slug] = write_rows(folder, slug, export.fields, export.rows(log))
    key = signing_key(key_path())
    pem = public_pem(key)
    manifest = manifest_of(release, log, written, signer=fingerprint(pem))
    companions = write_companions(release, folder, manifest, pem)
    manifest["files"] = file_entries(written, companions)
    content = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
    write_whole(folder / MANIFEST, content)
    write_whole(folder / SIGNATURE, sign(key, content).encode() + b"\n")
    _sync_folder(folder)
    return manifest


def clear_leftovers() -> None:
    """Remove folders of work that no living worker is at any more."""
    for folder in _root().glob(f"{BUILDING}/*"):
        named = ATTEMPT.fullmatch(folder.name)
        if named is None:  # not ours
            continue
        public_id, attempt = named[1], int(named[2])
        alive = any(
            model.objects.filter(
                public_id=public_id, attempt=attempt, state=WorkState.RUNNING
            ).exists()
            for model in (Release, Check)
        )
        if not alive:
            shutil.rmtree(folder, ignore_errors=True)


def release_folder(release: Release) -> Path:
    """Where a published release lies."""
    return _root() / release.folder


def key_path() -> Path:
    return Path(settings.VAR_DIR) / "keys" / "release-signing.pem"


def trusted_fingerprint() -> str:
    """The fingerprint of this installation's key."""
    return fingerprint(public_pem(signing_key(key_path())))


def building_folder(work: Work) -> Path:
    """A folder no other attempt writes to."""
    return _root() / BUILDING / f"{work.public_id}-{work.attempt}"


# --- Publishing -------------------------------------------------------------------------------


def _guarded(work: Release | Check, act: Callable[[], None]) -> None:
    """Run an act on a claimed row; turn what goes wrong into its final state and sentence."""
    if work.attempt > MOST_ATTEMPTS:
        work.fail(GAVE_UP.format(attempts=MOST_ATTEMPTS))
        return
    try:
        act()
    except Cancelled:
        work.finish(WorkState.CANCELLED)
    except (LogChanged, PeopleLeft, Unsound, KeyUnusable) as refusal:
        work.fail(str(refusal))
    except LeaseLost:
        raise
    except OSError as error:
        logger.exception("%s: the disk refused", work)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        work.fail(FULL_DISK if full else REFUSED.format(error=error.strerror or error))
    except Exception as error:  # an own fault must end the work, or it would be retried forever
        logger.exception("%s failed", work)
        work.fail(UNEXPECTED.format(error=error or type(error).__name__))


def _publish(release: Release, folder: Path) -> None:
    _note_people_and_verdicts(release)
    if release.run is not None and release.run.withdrawals != release.withdrawals:
        raise PeopleLeft(PEOPLE_LEFT)
    passes = 1 + len(release.exports)
    _note_total(release, passes)
    manifest = build(release, folder, watch=lambda done: _go_on(release, done))
    findings = verify(folder, trusted=manifest["signer"])
    if not passed(findings):
        wrong = next(line for line in findings if not line.passed)
        raise Unsound(
            say(
                "The files didn't pass their own verification: %(sentence)s Nothing was "
                "published. If it happens again, check the disk.",
                sentence=wrong.sentence,
            )
        )
    _go_on(release, release.progress_total or 0)
    _make_visible(release, folder, manifest)


def _make_visible(release: Release, folder: Path, manifest: dict[str, Any]) -> None:
    """The rename and the transaction that publish. Before the commit nobody is shown the folder."""
    target = _root() / release.project.slug / f"v{release.version}"
    with transaction.atomic():
        release.renew(lease=LEASE)  # LeaseLost here keeps a slow worker from moving anything
        snapshot = _freeze(release, manifest["snapshot"])
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # left by a worker that died between rename and commit
            shutil.rmtree(target)
        folder.replace(target)
        _sync_folder(target.parent)
        Release.objects.filter(pk=release.pk, attempt=release.attempt).update(
            snapshot=snapshot,
            manifest=manifest,
            manifest_digest=hashlib.sha256((target / MANIFEST).read_bytes()).hexdigest(),
            folder=target.relative_to(_root()).as_posix(),
        )
        release.finish()


def _freeze(release: Release, frozen: dict[str, Any]) -> Snapshot:
    """The snapshot row of this mark. Raises LogChanged if an earlier one says otherwise."""
    snapshot, _ = Snapshot.objects.get_or_create(
        project=release.project,
        mark=release.mark,
        defaults={"digest": frozen["digest"], "counts": frozen["counts"]},
    )
    if snapshot.digest != frozen["digest"]:
        raise LogChanged(
            say(
                "The log up to position %(mark)s is not what it was on %(created_at)s: "
                "judgments were altered behind the application's back. Nothing was "
                "published. Restore the database from a backup.",
                mark=release.mark,
                created_at=f"{snapshot.created_at:%d %B %Y}",
            )
        )
    return snapshot


def _note_people_and_verdicts(release: Release) -> None:
    """Fix whose judgments are left out and which of the reviewers' verdicts and choices of a rule
    are known: of everybody who has withdrawn and everything decided by now, even since the release
    was asked for. A release once published keeps these numbers, and is rebuilt with them.
    """
    release.withdrawals = withdrawals(release.project)
    release.adjudications = newest_adjudication(release.project)
    release.rule_choices = newest_choice(release.project)
    Release.objects.filter(pk=release.pk, attempt=release.attempt).update(
        withdrawals=release.withdrawals,
        adjudications=release.adjudications,
        rule_choices=release.rule_choices,
    )


def _note_total(release: Release, passes: int) -> None:
    """Progress counts judgments read, over all passes; the first also reads those left out."""
    log = Judgment.objects.filter(question__project=release.project, position__lte=release.mark)
    kinds = Curation.from_plain(release.curation).kinds
    included = Judgment.objects.up_to(release.mark).filter(
        question__project=release.project, annotator__kind__in=list(kinds)
    )
    release.progress_total = log.count() + (passes - 1) * included.count()
    Release.objects.filter(pk=release.pk, attempt=release.attempt).update(
        progress_total=release.progress_total
    )


def _go_on(work: Release | Check, done: int) -> None:
    work.renew(lease=LEASE, done=done)
    if work.cancel_is_requested():
        raise Cancelled


class _Progress:
    """Judgments read over several passes."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._before = self._now = 0

    def note(self, done: int) -> None:
        self._now = done
        if self._watch is not None:
            self._watch(self._before + done)

    def next_pass(self) -> None:
        self._before += self._now
        self._now = 0


# --- Checking ---------------------------------------------------------------------------------


def _check(row: Check, folder: Path) -> None:
    lines = _examine(
        row.release, rebuild=row.rebuild, into=folder, watch=lambda done: _go_on(row, done)
    )
    _go_on(row, row.progress_done)
    with transaction.atomic():
        Check.objects.filter(pk=row.pk, attempt=row.attempt).update(
            report=[line.to_plain() for line in lines]
        )
        row.finish()


def _examine(
    release: Release, *, rebuild: bool, into: Path | None, watch: Watch | None
) -> list[CheckLine]:
    folder = release_folder(release)
    lines = verify(folder, trusted=trusted_fingerprint())
    if not lines[0].passed:
        return lines
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    if digest != release.manifest_digest:
        lines.append(
            CheckLine(
                "manifest",
                False,
                say("The manifest isn't the one this release was made with."),
            )
        )
    if rebuild:
        assert into is not None, "a rebuild needs a folder"
        built = build(release, into, watch=watch)
        lines += _compare(release, folder, into, built)
    return lines


def _compare(
    release: Release, published: Path, rebuilt: Path, manifest: dict[str, Any]
) -> list[CheckLine]:
    """The rebuild's lines; what another version of the code explains is said to be that."""
    lines = compare_folders(published, rebuilt)
    before = release.manifest or {}
    if before.get("code_version") == manifest["code_version"] or passed(lines):
        return lines
    old, new = ({e["slug"]: e["content_root"] for e in m["exports"]} for m in (before, manifest))
    if old != new:
        return lines
    sentence = say(
        "Rebuilt from the log: the rows are identical; the files around them "
        "differ because this is another version of the code (%(code_version)s, "
        "then %(code_version_2)s).",
        code_version=manifest["code_version"],
        code_version_2=before["code_version"],
    )
    return [CheckLine("rebuild", True, sentence)]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _root() -> Path:
    return Path(settings.RELEASES_DIR)
