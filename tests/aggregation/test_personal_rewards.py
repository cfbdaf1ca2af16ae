"""Personal rewards: found where they are, pooled or silent where they are not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from aggregation.catalogue import METHODS
from aggregation.options import OptionError
from aggregation.personal.bench import Bench
from aggregation.personal.ideal_points import IdealPoints, Pal, fit_pal, kept_model, model_from
from aggregation.personal.standing import standing
from aggregation.personal.votes import (
    PersonalVotes,
    principal_components,
    votes_on_embeddings,
    votes_on_items,
)
from aggregation.results import WarningCode
from aggregation.tables import Comparisons, TableError
from aggregation.tables.embedded import EmbeddedComparisons

Array = NDArray[Any]
pytest.importorskip("torch", reason="personal rewards train with torch")


def ideal_points(
    seed: int, prototypes: int = 3, people: int = 60, each: int = 30, d: int = 8
) -> tuple[EmbeddedComparisons, Array]:
    """Votes for the nearer of two texts, 5 % of them flipped, and everybody's ideal point.

    As in the specification's check of PAL: person a stands at prototype a mod K.
    """
    rng = np.random.default_rng(seed)
    u = (rng.normal(size=(prototypes, d)) * 1.4)[np.arange(people) % prototypes]
    n = people * each
    z = rng.normal(size=(2 * n, d)).astype(np.float32)
    who = np.repeat(np.arange(people), each)
    near = ((z[n:] - u[who]) ** 2).sum(axis=1) > ((z[:n] - u[who]) ** 2).sum(axis=1)
    y = np.where(near ^ (rng.random(n) < 0.05), 1, -1)
    table = Comparisons.from_arrays(
        np.zeros(n, int), np.ones(n, int), y, annotator=who, ids=["one", "other"]
    )
    return EmbeddedComparisons.of(table, z, np.arange(n), n + np.arange(n), "planted"), u


def agreement_with_truth(
    model: IdealPoints, votes: PersonalVotes, weights: Array, table: EmbeddedComparisons, u: Array
) -> float:
    """Sign agreement with each person's true utility on fresh pairs of texts."""
    rng = np.random.default_rng(99)
    left, right = rng.integers(0, len(votes.points), (2, 2000))
    assert table.vectors is not None
    z = table.vectors[votes.source].astype(np.float64)
    true = -((z[None] - u[votes.people][:, None]) ** 2).sum(axis=2)
    said = model.rewards(votes, weights)
    same = np.sign(said[:, left] - said[:, right]) == np.sign(true[:, left] - true[:, right])
    return float(same[:, left != right].mean())


def first_votes(votes: PersonalVotes, number: int) -> PersonalVotes:
    starts = np.searchsorted(votes.person, np.arange(votes.n_people))
    return votes.take(np.arange(len(votes)) - starts[votes.person] < number)


@pytest.mark.slow
def test_pal_finds_what_people_share_and_where_they_differ() -> None:
    """Specification: .738 pooled, .903 with three prototypes; newcomers .904 after ten votes."""
    rows = []
    for seed in range(3):
        table, u = ideal_points(seed)
        votes = votes_on_embeddings(table)
        old = votes.people < 45
        seen, new = votes.of_people(old), votes.of_people(~old)
        for K in (1, 3):
            how = Pal(prototypes=K, device="cpu", restarts=1)
            model = fit_pal(seen, how, np.random.default_rng(0), Bench()).model
            rows.append(agreement_with_truth(model, seen, model.weights(), table, u))
            for m in (5, 10, 20):
                weights = model.newcomers(first_votes(new, m))
                rows.append(agreement_with_truth(model, new, weights, table, u))
    pooled, three = np.mean(np.reshape(rows, (3, 2, 4)), axis=0)
    np.testing.assert_allclose(pooled, [0.738, 0.735, 0.735, 0.735], atol=0.05)
    np.testing.assert_allclose(three, [0.903, 0.819, 0.904, 0.916], atol=0.05)
    assert three[3] > pooled[3] + 0.1


def test_a_kept_model_places_newcomers_from_votes_on_texts_it_never_saw() -> None:
    table, u = ideal_points(2)
    assert table.annotator is not None
    assert table.vectors is not None
    known, fresh = table.take(table.annotator < 45), table.take(table.annotator >= 45)
    votes = votes_on_embeddings(known)
    how = Pal(prototypes=3, device="cpu", restarts=1)
    fitted = fit_pal(votes, how, np.random.default_rng(0), Bench()).model
    model, seen = model_from(kept_model(fitted, votes))
    assert seen is not None
    new = votes_on_embeddings(fresh, projection=seen)
    weights = model.newcomers(first_votes(new, 20))
    assert agreement_with_truth(model, new, weights, table, u) > 0.85
    with pytest.raises(TableError, match="the encoder it was trained on"):
        seen(np.zeros((1, 3), dtype=np.float32))


def personal_table(seed: int = 0, people: int = 24, each: int = 20) -> EmbeddedComparisons:
    """Two opposed halves on forty texts of eight items, four prompts."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(40, 4)).astype(np.float32)
    who = np.repeat(np.arange(people), each)
    a = rng.integers(0, 40, len(who))
    b = (a // 10) * 10 + (a % 10 + rng.integers(1, 10, len(who))) % 10
    taste = np.where(np.arange(people) % 2, 3.0, -3.0)[who]
    y = np.where(rng.random(len(who)) < expit(taste * (z[a, 0] - z[b, 0])), 1, -1)
    table = Comparisons.from_arrays(
        a, b, y, annotator=who, group=a // 10, ids=[f"text {t}" for t in range(40)]
    )
    return EmbeddedComparisons.of(table, z, a, b, "planted")


def fit(table: Any, slug: str = "pal", **options: Any) -> Any:
    method = METHODS[slug]
    return method.fit(table, method.options(device="cpu", **options))


@pytest.fixture(scope="module")
def halves() -> Any:
    table = personal_table()
    return table, fit(table, steps=200, most=3, restarts=1)


def test_two_opposed_halves_need_more_than_one_prototype(halves: Any) -> None:
    _, result = halves
    said = result.fit.parameters
    assert said["form"] == "embeddings"
    assert said["encoder"] == "planted"
    assert said["prototypes"] > 1
    assert said["held_out_accuracy"][said["prototypes"] - 1] > said["held_out_accuracy"][0] + 0.2
    assert WarningCode.LOCAL_OPTIMUM_RISK in result.codes
    assert WarningCode.NO_PERSONAL_SIGNAL not in result.codes
    weights = np.array([said["weights"][str(a)] for a in range(24)])
    odd, even = weights[1::2].mean(axis=0), weights[::2].mean(axis=0)
    assert np.abs(odd - even).max() > 0.5
    assert np.nanmean(result.score) == pytest.approx(0.5)


def test_names_and_order_of_rows_change_nothing_in_a_personal_fit(halves: Any) -> None:
    table, result = halves
    rng = np.random.default_rng(5)
    items, people = rng.permutation(40), rng.permutation(24)
    renamed = replace(
        table,
        a=items[table.a].astype(np.int32),
        b=items[table.b].astype(np.int32),
        annotator=people[table.annotator].astype(np.int32),
    ).take(rng.permutation(len(table)))
    again = fit(renamed, steps=200, most=3, restarts=1)
    np.testing.assert_allclose(again.score[items], result.score, rtol=1e-5, atol=1e-6)
    assert again.annotators is not None
    np.testing.assert_allclose(
        again.annotators.ability[people], result.annotators.ability, rtol=1e-5
    )


def test_people_of_one_mind_get_the_pooled_prediction_and_are_told_so() -> None:
    table = personal_table()
    assert table.vectors is not None
    alike = np.where(table.vectors[table.text_a, 0] > table.vectors[table.text_b, 0], 1, -1)
    result = fit(replace(table, y=alike.astype(np.int8)), steps=150, most=2, restarts=1)
    assert WarningCode.NO_PERSONAL_SIGNAL in result.codes
    assert result.fit.parameters["prototypes"] == 1
    assert result.fit.parameters["people_pooled"] == 24


def test_few_votes_are_pooled_person_by_person() -> None:
    table = personal_table()
    few = (table.annotator != 7) | (np.arange(len(table)) % 20 < 4)
    result = fit(table.take(few), steps=60, prototypes=2, restarts=1)
    assert result.fit.parameters["people_pooled"] == 1
    assert "7" not in result.fit.parameters["weights"]


def test_without_embeddings_it_says_what_to_do() -> None:
    table = personal_table()
    plain = Comparisons.from_arrays(table.a, table.b, table.y, annotator=table.annotator)
    with pytest.raises(TableError, match="Run an embedding job"):
        fit(plain, form="embeddings")
    thin = plain.take(np.arange(40))
    result = fit(thin)
    assert WarningCode.NO_EMBEDDINGS in result.codes
    assert np.isnan(result.score).all()
    assert fit(plain, steps=40, prototypes=1).fit.parameters["form"] == "items"


def test_votes_on_texts_without_an_embedding_are_left_out_and_counted() -> None:
    table = personal_table()
    assert table.text_a is not None
    blind = replace(table, text_a=np.where(table.text_a == 3, -1, table.text_a).astype(np.int32))
    result = fit(blind, steps=40, prototypes=1)
    missing = int((table.text_a == 3).sum())
    assert result.fit.parameters["votes_without_embedding"] == missing
    assert WarningCode.NO_EMBEDDINGS in result.codes


def test_ideal_points_may_depend_on_the_prompt() -> None:
    """Within a prompt, who wants more and who wants less of the first feature is told apart."""
    result = fit(personal_table(), variant="B", steps=200, prototypes=2, restarts=2)
    assert result.fit.parameters["variant"] == "B"
    assert result.annotators.ability.mean() > 0.85
    with pytest.raises(TableError, match="embeddings"):
        fit(personal_table(), variant="B", form="items")


def test_intervals_come_from_reweighted_annotators() -> None:
    result = fit(personal_table(), steps=60, prototypes=2, restarts=1, replicates=5)
    assert result.ci_method == "bootstrap"
    assert result.replicates.shape == (5, 40)
    assert (result.lo <= result.hi).all()
    assert (result.se > 0).all()


def test_the_items_of_a_prompt_stand_against_each_other_only() -> None:
    votes = votes_on_items(
        Comparisons.from_arrays([0, 2, 0], [1, 3, 1], [1, 1, -1], annotator=[0, 0, 1])
    )
    rewards = np.zeros((1, 4), dtype=np.float32)
    rewards[0, votes.text[np.argsort(votes.item)]] = [2.0, 0.0, 0.0, 1.0]
    W = standing(votes, rewards, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(W, [expit(2), expit(-2), expit(-1), expit(1)], rtol=1e-6)


def test_a_system_is_not_blamed_for_its_prompts() -> None:
    """Two systems on prompts of different worth: the better one is better on the shared prompt."""
    z = np.arange(6, dtype=np.float32)[:, None]
    rows = [(0, 1, 0, 0, 1), (0, 2, 1, 2, 3), (1, 2, 2, 4, 5)]  # a, b, prompt, texts
    a, b, group, left, right = (np.array(c) for c in zip(*rows, strict=True))
    table = Comparisons.from_arrays(a, b, [1, 1, 1], annotator=[0, 0, 0], group=group)
    votes = votes_on_embeddings(EmbeddedComparisons.of(table, z, left, right))
    worth = np.array([10.0, 9.0, 1.0, -1.0, 5.0, 4.0], dtype=np.float32)  # of texts 0…5
    W = standing(votes, worth[votes.source][None], np.zeros(3, dtype=np.int64))
    assert W[0] > W[1] > W[2]


def test_many_rivals_are_stood_for_by_quantiles() -> None:
    n = 301
    table = Comparisons.from_arrays(np.arange(n - 1), np.arange(1, n), np.ones(n - 1, int))
    votes = votes_on_items(table)
    u = np.random.default_rng(1).normal(size=n)
    W = standing(votes, u[votes.source][None].astype(np.float32), np.zeros(n, dtype=np.int64))
    exact = (expit(u[:, None] - u[None]).sum(axis=1) - 0.5) / (n - 1)
    np.testing.assert_allclose(W, exact, atol=0.01)


def test_components_need_no_labels_and_keep_distances() -> None:
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    full = principal_components(x, 32)
    assert full.shape == (50, 6)
    assert (full**2).mean() == pytest.approx(1.0, rel=1e-5)
    scale = ((x - x.mean(axis=0)) ** 2).mean()
    apart = ((x[0] - x[1]) ** 2).sum() / scale
    assert ((full[0] - full[1]) ** 2).sum() == pytest.approx(apart, rel=1e-3)
    assert principal_components(x, 2).shape == (50, 2)


def test_a_table_with_embeddings_can_be_cut_joined_and_told_apart() -> None:
    table = personal_table()
    half = len(table) // 2
    merged = table.take(np.arange(half)) + table.take(np.arange(half, len(table)))
    assert merged.digest() == table.digest()
    assert table.vectors is not None
    other = replace(table, vectors=table.vectors + np.float32(1))
    assert other.digest() != table.digest()
    with pytest.raises(TableError, match="same embeddings"):
        table + other
    with pytest.raises(TableError, match="without a row"):
        EmbeddedComparisons.of(table, np.zeros((1, 2)), table.a, table.b)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(OptionError, match="form"):
        METHODS["pal"].options.parse({"form": "letters"})


# --- Latent vectors -----------------------------------------------------------------------------


def test_latent_vectors_tell_people_apart_and_the_shuffle_shows_it() -> None:
    table = personal_table(people=40, each=30)
    result = fit(table, "vpl", steps=100, hidden=32, latent=4)
    said = result.fit.parameters
    assert said["held_out_accuracy"] > 0.75
    assert said["held_out_accuracy_shuffled"] < 0.6
    assert said["active_units"] > 0
    assert WarningCode.NO_PERSONAL_SIGNAL not in result.codes
    assert result.annotators.ability.mean() > 0.8
    assert set(said["latents"]) == {str(a) for a in range(40)}
    assert np.nanmean(result.score) == pytest.approx(0.5)


def test_a_collapsed_posterior_is_called_by_its_name() -> None:
    """A large weight of the KL term empties the latent: specification, last row of the check."""
    table = personal_table(people=40, each=30)
    result = fit(table, "vpl", steps=100, hidden=32, latent=4, kl=5.0)
    said = result.fit.parameters
    assert said["kl_nats"] < 0.05
    assert said["active_units"] == 0
    assert WarningCode.NO_PERSONAL_SIGNAL in result.codes
    assert said["people_pooled"] == 40
    assert said["latents"] == {}


def test_latents_do_not_depend_on_names_or_order() -> None:
    table = personal_table(people=20, each=15)
    people = np.random.default_rng(1).permutation(20)
    renamed = replace(table, annotator=people[table.annotator].astype(np.int32)).take(
        np.random.default_rng(2).permutation(len(table))
    )
    options: dict[str, Any] = {"steps": 40, "hidden": 16, "latent": 4}
    before, after = fit(table, "vpl", **options), fit(renamed, "vpl", **options)
    np.testing.assert_allclose(after.score, before.score, rtol=1e-5)
    assert before.fit.parameters["kl_nats"] == after.fit.parameters["kl_nats"]
