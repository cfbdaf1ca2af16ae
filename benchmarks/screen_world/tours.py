"""Whose eyes, on which project, in which state: the list of everything that is photographed."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.urls import reverse

from aggregation.models import Run
from annotation import uploads
from annotation.invitations import invite
from annotation.login_links import create_link
from annotation.models import Project, User
from benchmarks.screen_world.addresses import Screen, pages
from benchmarks.screen_world.making import main_project

GOOD_ROWS = (
    b"prompt_id,prompt_text,candidate_id,response,system\n"
    b"n1,What about the dog?,n1-a,Talk to them first.,amber\n"
    b"n1,What about the dog?,n1-b,Write a letter.,cobalt\n"
)
FLAWED_ROWS = (
    GOOD_ROWS + b"n2,,n2-a,,amber\n" + b"n1,What about the cat?,n1-a,Another text.,amber\n"
)
OWN = ("home", "project", "guideline", "own", "my-survey", "survey", "judge", "tokens", "withdraw")


def every_screen() -> list[Screen]:
    """The owner's pages, then the same with nothing in them, the annotators' in both languages."""
    main = main_project()
    found = [
        *pages(main),
        *_further(main),
        *_checklist(),
        *_mined(),
        *_empty(),
        *_annotators(main),
        *_strangers(main),
    ]
    return list(dict.fromkeys(found))


def _further(main: Project) -> Iterator[Screen]:
    """The same addresses, asked for something."""
    slug = main.slug
    done = Run.objects.filter(project=main, state="done", replay_of=None)
    four = [
        ("run", str(done.filter(method=method).earliest("pk").public_id))
        for method in ("bradley_terry", "schulze", "borda", "maxmin")
    ]
    compare = reverse("aggregation:compare", args=[slug])
    yield Screen("compare-four", f"{compare}?{urlencode(four)}")
    yield Screen("runs-of-a-method", f"{reverse('aggregation:runs', args=[slug])}?method=mixture")
    protocols = reverse("models_runtime:new-judging", args=[slug])
    for protocol in ("pairwise", "jury", "debate", "cascade"):
        yield Screen(f"new-judging-{protocol}", f"{protocols}?protocol={protocol}")
    for study in ("criteria_mining", "council", "preference_loop"):
        path = reverse("models_runtime:new-study", args=[slug])
        yield Screen(f"new-study-{study}", f"{path}?study={study}")
    new = reverse("annotation:new-project")
    yield Screen("new-project-blank", f"{new}?blank")
    yield Screen("new-project-helpsteer", f"{new}?protocol=helpsteer3")
    yield Screen("disputes-settled", f"{reverse('annotation:disputes', args=[slug])}?settled=yes")
    yield Screen("missing", "/nowhere/")
    for name, rows in (("good", GOOD_ROWS), ("flawed", FLAWED_ROWS)):
        kept = uploads.keep(
            project=main, user=owner_account(), name=f"{name}.csv", size=len(rows), chunks=[rows]
        )
        path = reverse("annotation:import-file", args=[slug, kept.token])
        yield Screen(f"import-file-{name}", path)


def owner_account() -> User:
    return User.objects.get(username="demo")


def _checklist() -> Iterator[Screen]:
    """A project of labels shows other results than one of pairs."""
    project = Project.objects.get(slug="everyday-advice-checklist")
    yield Screen("labels-project", reverse("annotation:project", args=[project.slug]))
    yield Screen("labels-runs", reverse("aggregation:runs", args=[project.slug]))
    for run in Run.objects.filter(project=project, state="done").order_by("pk"):
        path = reverse("aggregation:run", args=[project.slug, run.public_id])
        yield Screen(f"labels-run-{run.method}", path)


def _mined() -> Iterator[Screen]:
    for screen in pages(Project.objects.get(slug="mined")):
        if screen.name in ("study", "checklists", "checklist", "studies"):
            yield Screen(f"mined-{screen.name}", screen.path)


def _empty() -> Iterator[Screen]:
    project = Project.objects.get(slug="empty")
    for screen in pages(project):
        if f"/{project.slug}/" in screen.path:
            yield Screen(f"empty-{screen.name}", screen.path)
    long = Project.objects.get(slug="long-name")
    for name in ("annotation:project", "annotation:judge", "aggregation:runs"):
        yield Screen(f"long-{name.split(':')[1]}", reverse(name, args=[long.slug]))


def _annotators(main: Project) -> Iterator[Screen]:
    for language in ("en", "de"):
        for screen in pages(main):
            if screen.name in OWN:
                yield Screen(screen.name, screen.path, "annotator", language)
        for project in Project.objects.filter(slug__startswith="kind-"):
            path = reverse("annotation:judge", args=[project.slug])
            yield Screen(f"judge-{project.judgment_type}", path, "annotator", language)
        yield Screen("refused", f"/projects/{main.slug}/import/", "annotator", language)
        yield Screen("finished", "/projects/empty/judge/", "annotator", language)


def _strangers(main: Project) -> Iterator[Screen]:
    owner = owner_account()
    issued = invite(project=main, by=owner, name="A friend", most_uses=3)
    for language in ("en", "de"):
        yield Screen("login", "/login/", "nobody", language)
        yield Screen("login-once", f"/login/once/{create_link(owner)}/", "nobody", language)
        yield Screen("login-once-gone", "/login/once/gone/", "nobody", language)
        yield Screen("join", f"/join/{issued.secret}/", "nobody", language)
        yield Screen("join-gone", "/join/gone/", "nobody", language)
        yield Screen("missing", "/nowhere/", "nobody", language)
