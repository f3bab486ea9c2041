import numpy as np
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.features.combat import Combat
from rarecase.features.confounded import confounded


def draw(sizes, d=30, *, seed=0, effect=0.0):
    """Rows of sites A, B, … of unlike location and scale, classes half and half at each."""
    rng = np.random.default_rng(seed)
    site = np.repeat(list("ABCDEFGH")[: len(sizes)], sizes)
    y = np.arange(len(site)) % 2
    X = rng.normal(5.0, 2.0, (len(site), d)) + effect * y[:, None]
    for i, name in enumerate(sorted(set(site))):
        spread = (1 + i) * rng.uniform(0.8, 1.2, d)
        X[site == name] = X[site == name] * spread + rng.normal(3 * i, 1.0, d)
    return X, site, y


def johnson(X, site, y=None):
    """Johnson et al. 2007, 3.2, letter by letter, with the covariate of Fortin et al. 2018 removed
    from Z alone: γ*, δ²* and σ̂, in loops over sites and features."""
    names, n, d = sorted(set(site)), len(X), X.shape[1]
    design = np.array([[float(s == name) for name in names] for s in site])
    if y is not None:
        design = np.column_stack([design, y])
    beta = np.linalg.solve(design.T @ design, design.T @ X)
    alpha = sum((site == s).sum() / n * beta[i] for i, s in enumerate(names))
    sigma = np.sqrt(((X - design @ beta) ** 2).mean(axis=0))
    covariate = 0 if y is None else np.outer(y, beta[-1])
    Z = (X - alpha - covariate) / sigma
    gammas, deltas = np.empty((len(names), d)), np.empty((len(names), d))
    for i, name in enumerate(names):
        z = Z[site == name]
        n_i = len(z)
        own, variance = z.mean(axis=0), z.var(axis=0, ddof=1)
        bar, tau2 = own.mean(), own.var(ddof=1)
        V, S2 = variance.mean(), variance.var(ddof=1)
        lam, theta = (V**2 + 2 * S2) / S2, (V**3 + V * S2) / S2
        for g in range(d):
            gamma, delta = own[g], variance[g]
            for _ in range(500):
                gamma = (n_i * tau2 * own[g] + delta * bar) / (n_i * tau2 + delta)
                delta = (theta + ((z[:, g] - gamma) ** 2).sum() / 2) / (n_i / 2 + lam - 1)
            gammas[i, g], deltas[i, g] = gamma, delta
    return gammas, deltas, sigma


@pytest.mark.parametrize("protected", [False, True])
def test_agrees_with_the_paper_written_down_by_loops(protected):
    X, site, y = draw((6, 9, 14), effect=3.0)
    fitted = Combat.fit(X, site, np.arange(len(X)), protect=y if protected else None)
    gamma, delta, sigma = johnson(X, site, y if protected else None)
    mean = X.mean(axis=0)
    for i, name in enumerate(fitted.sites):
        expected = mean + (X[site == name] - mean - gamma[i] * sigma) / np.sqrt(delta[i])
        assert fitted(X, site)[site == name] == pytest.approx(expected, rel=1e-8)


def test_a_simulated_site_effect_goes_and_the_classes_stay():
    rng = np.random.default_rng(1)
    site, y = np.repeat(["A", "B"], 200), np.arange(400) % 2
    X = rng.normal(size=(400, 50)) + 1.5 * y[:, None]
    X[site == "B"] = 3.0 * X[site == "B"] + 10.0
    fitted = Combat.fit(X, site, np.arange(400))
    out = fitted(X, site)
    # One effect on all columns: what differs between theirs is chance, and is not taken out.
    assert (fitted.slope[0] / fitted.slope[1]).mean() == pytest.approx(3.0, rel=0.01)
    pooled = out.std(axis=0)
    left = (out[site == "A"].mean(axis=0) - out[site == "B"].mean(axis=0)) / pooled
    assert abs(left.mean()) < 0.01 and np.abs(left).max() < 0.2  # 2.0 before
    difference = (out[y == 1].mean(axis=0) - out[y == 0].mean(axis=0)) / pooled
    assert difference.mean() == pytest.approx(1.5 / np.hypot(1, 0.75), rel=0.03)


def test_protected_classes_keep_their_difference_where_sites_are_unbalanced():
    rng = np.random.default_rng(2)
    site = np.repeat(["A", "B"], 200)
    y = np.where(site == "A", np.arange(400) % 10 == 0, np.arange(400) % 10 > 0).astype(int)
    X = rng.normal(size=(400, 50)) + 2.0 * y[:, None] + 5.0 * (site == "B")[:, None]
    kept, lost = (
        (out[y == 1].mean(axis=0) - out[y == 0].mean(axis=0)).mean()
        for out in (
            Combat.fit(X, site, np.arange(400), protect=p)(X, site) for p in (y, None)
        )
    )  # fmt: skip
    assert kept == pytest.approx(2.0, abs=0.1)
    assert lost < 1.0


def test_f18_a_site_of_one_patient_is_refused_however_many_rows():
    X, site, _ = draw((5, 5, 1))
    with pytest.raises(DataError, match=r"'C' has 1 training patient.*ComBat needs 3"):
        Combat.fit(X, site, np.arange(11))
    many = np.vstack([X, X[[10] * 5]])
    with pytest.raises(DataError, match=r"'C' has 1 training patient.* in 6 row"):
        Combat.fit(many, [*site, *"CCCCC"], [*range(11), *[10] * 5])
    with pytest.raises(SettingError, match="fewest"):
        Combat.fit(X, site, np.arange(11), fewest=1)


def test_f18_a_constant_column_stays_and_is_named_and_the_rest_does_not_notice(caplog):
    X, site, _ = draw((5, 5))
    rounded = np.where(site == "A", 0.3, 0.1 + 0.2)  # differ in the last bit
    wide = np.insert(np.insert(X, 3, rounded, axis=1), 7, np.nan, axis=1)
    names = [f"f{i}" for i in range(wide.shape[1])]
    fitted = Combat.fit(wide, site, np.arange(10), names=names)
    (record,) = caplog.records
    assert record.getMessage().endswith(": f3, f7")
    assert np.flatnonzero(fitted.constant).tolist() == [3, 7]
    out = fitted(wide, site)
    assert (out[:, 3] == rounded).all() and np.isnan(out[:, 7]).all()
    expected = Combat.fit(X, site, np.arange(10))(X, site)
    assert np.delete(out, [3, 7], axis=1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("d", [1, 2, 30])
def test_nothing_that_is_no_number_comes_out(d):
    X, site, _ = draw((5, 5), d)
    X[site == "B", 0] = 0.1  # does not vary within the site
    new = X.copy()
    new[:, 0] += np.linspace(0, 1, 10)
    for rows in (X, new):
        out = Combat.fit(X, site, np.arange(10))(rows, site)
        assert np.isfinite(out).all() and np.abs(out).max() < 100
    assert (Combat.fit(0 * X, site, np.arange(10))(X, site) == X).all()
    X[0, 0] = np.inf
    with pytest.raises(DataError, match="'column 0' has infinite"):
        Combat.fit(X, site, np.arange(10))


def test_what_varies_between_sites_alone_no_longer_tells_them():
    X, site, _ = draw((5, 7))
    X[:, 0] = np.where(site == "A", 0.7, 0.1)
    fitted = Combat.fit(X, site, np.arange(12))
    assert fitted(X, site)[:, 0] == pytest.approx(0.35)
    assert (fitted.slope[:, 0] == 1).all()


def fold(X, site, train, fitted_on):
    """Training and held-out rows as a fold would harmonise them."""
    fitted = Combat.fit(X[fitted_on], site[fitted_on], np.arange(len(X))[fitted_on])
    return fitted(X[train], site[train]), fitted(X[~train], site[~train])


def test_f19_a_held_out_patient_does_not_touch_the_training_rows():
    X, site, _ = draw((8, 8))
    train = np.arange(16) % 4 > 0
    changed = X.copy()
    changed[np.flatnonzero(~train)[0], 2] = 1e6
    before, after = (fold(x, site, train, train) for x in (X, changed))
    assert (before[0] == after[0]).all()
    assert (before[1][1:] == after[1][1:]).all() and before[1][0, 2] != after[1][0, 2]
    everybody = np.ones(16, bool)  # what this test is there to find
    assert (fold(X, site, train, everybody)[0] != fold(changed, site, train, everybody)[0]).any()


def test_f19_a_site_that_is_new_is_refused_or_left_as_it_is():
    X, site, _ = draw((5, 5, 3))
    train = site != "C"
    fitted = Combat.fit(X[train], site[train], np.arange(10))
    test = site != "B"
    with pytest.raises(DataError, match=r"no training patient comes from 'C' \(known: A, B\)"):
        fitted(X[test], site[test])
    out = fitted(X[test], site[test], unknown="unchanged")
    assert (out[5:] == X[site == "C"]).all()
    assert (out[:5] == fitted(X[:5], site[:5])).all()


def test_f20_sites_that_coincide_with_classes():
    X, site, _ = draw((5, 5))
    y = (site == "B").astype(int)
    design = np.column_stack([site == "A", site == "B", y])
    assert np.linalg.matrix_rank(design) == 2  # of 3
    with pytest.raises(DataError, match=r"(?s)protect: .*\nA +5 +0\nB +0 +5"):
        Combat.fit(X, site, np.arange(10), protect=y)
    Combat.fit(X, site, np.arange(10))  # of which the caller warns:
    table = confounded([*site, "A"], [*y, 0], [*range(10), 0])  # a second row of a patient
    assert table.to_numpy().tolist() == [[5, 0], [0, 5]]
    linked = np.where(np.arange(10) == 0, 1, y)
    assert confounded(site, linked, np.arange(10)) is None
    # A and B share class 0; C has another one to itself.
    assert confounded(list("AABBC"), [0, 1, 0, 1, 2], np.arange(5)) is not None


def test_the_order_of_rows_and_columns_changes_nothing():
    X, site, y = draw((6, 9))
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(15), rng.permutation(30)
    who = np.arange(15)
    for protect in (None, y):
        out = Combat.fit(X, site, who, protect=protect)(X, site)
        other = Combat.fit(
            X[rows][:, columns], site[rows], who[rows], protect=None if protect is None else y[rows]
        )
        mixed = other(X[rows][:, columns], site[rows])
        assert mixed == pytest.approx(out[rows][:, columns], rel=1e-9)


def test_rows_of_a_patient_share_its_weight():
    X, site, y = draw((3, 9))
    repeats = np.array([49] * 3 + [1, 2, 3] * 3)  # 49 times 1 / 49 is a little less than 1
    single = Combat.fit(X, site, np.arange(12), protect=y)
    many = Combat.fit(
        X.repeat(repeats, axis=0), site.repeat(repeats), np.arange(12).repeat(repeats),
        protect=y.repeat(repeats),
    )  # fmt: skip
    assert many(X, site) == pytest.approx(single(X, site), rel=1e-9)


def test_missing_values_stay_and_the_others_are_used():
    X, site, _ = draw((6, 9))
    gaps = np.vstack([X, X])  # a second row of each patient, with nothing in it but column 0
    gaps[15:, 1:] = np.nan
    who = np.tile(np.arange(15), 2)
    out = Combat.fit(gaps, np.tile(site, 2), who)(gaps, np.tile(site, 2))
    assert out[:15] == pytest.approx(Combat.fit(X, site, who[:15])(X, site), rel=1e-9)
    assert (np.isnan(out) == np.isnan(gaps)).all()
    X[:5, 0] = np.nan  # one value at A is too few: left as it is there
    fitted = Combat.fit(X, site, who[:15])
    assert (fitted(X + 1, site)[:6, 0][5:] == X[5, 0] + 1).all()
    assert (fitted(X, site)[6:, 0] != X[6:, 0]).any()
    with pytest.raises(DataError, match=r"1 row\(s\) have none"):
        Combat.fit(X, [None, *site[1:]], who[:15])


def test_sites_and_classes_that_coincide_where_a_column_has_values_are_bounded():
    X, site, y = draw((22, 26))
    X[(site == "A") == y, 0] = np.nan
    fitted = Combat.fit(X, site, np.arange(48) // 6, protect=y)
    assert np.abs(fitted.slope * 5 + fitted.shift).max() < 20


def test_a_single_site_is_left_as_it_is_and_a_single_feature_is_standardised():
    X, _, _ = draw((12,))
    assert (Combat.fit(X, ["A"] * 12, np.arange(12))(X, ["A"] * 12) == X).all()
    X, site, _ = draw((6, 9), 1)
    out = Combat.fit(X, site, np.arange(15))(X, site)
    a, b = out[site == "A"], out[site == "B"]
    assert a.mean() == pytest.approx(b.mean()) and a.std(ddof=1) == pytest.approx(b.std(ddof=1))


def test_comes_back_from_a_file(tmp_path):
    X, site, _ = draw((6, 9))
    fitted = Combat.fit(X, site, np.arange(15))
    np.savez(tmp_path / "combat.npz", **fitted.arrays())
    with np.load(tmp_path / "combat.npz", allow_pickle=False) as held:
        back = Combat.of(held, list(fitted.sites))
    assert (back(X, site) == fitted(X, site)).all()
