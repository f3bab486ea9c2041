"""The experiment that settings describe."""

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.experiment import Counts, Tuned, make_design
from rarecase.pipeline.designs import (
    Part,
    candidates_of,
    copies_of,
    make_part,
    primary_of,
    real_training_samples,
    resolve_amount,
)
from rarecase.pipeline.presets import CLASSIFIERS, FEATURES
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.shortened import shortened
from rarecase.pipeline.steps.cells import features_of
from rarecase.seeds import derive
from support.features import write_store


def study_parts(settings, *, real):
    return [make_part(settings, said, real=real) for said in settings.experiment]


def test_real_training_samples_is_the_mean_over_folds():
    rows = pd.DataFrame({"patient": ["a"] * 4 + ["b"] * 2 + ["c"] * 6})
    folds = pd.DataFrame({"repeat": 0, "patient": ["a", "b", "c"], "fold": [0, 1, 1]})
    assert real_training_samples(rows, folds) == round(((2 + 6) + 4) / 2)
    holdout = pd.DataFrame({"repeat": 0, "patient": ["a", "b", "c"], "fold": [-1, -1, 0]})
    assert real_training_samples(rows, holdout) == 6


def test_amounts():
    assert resolve_amount("25.5%", real=1000) == 255
    assert [resolve_amount(each, real=14) for each in ("50%", 7, 0, "7", 5)] == [7, 7, 0, 7, 5]


def test_the_papers_experiment():
    parts = study_parts(resolve(preset="paper"), real=4540)
    maps = next(part for part in parts if part.design.classifier.takes == "maps")
    synthetic = [arm for arm in maps.design.arms if arm.synthetic]
    assert synthetic and all(isinstance(arm.amount, Counts) for arm in synthetic)
    assert {arm.amount.planned for arm in synthetic} == {1158}
    assert synthetic[0].amount.totals[-1] == 4800 and 0 not in synthetic[0].amount.totals
    assert [arm.name for arm in maps.generated()] == [arm.name for arm in synthetic]
    settings = dict(synthetic[0].sampler.settings)
    assert (settings["lr"], settings["batch_size"], settings["epochs"]) == (0.002, 16, 50)
    net = maps.design.classifier.estimator
    assert (net.epochs, net.batch_size, net.dense) == (20, 10, 2048)
    assert not maps.design.classifier.tune_threshold and maps.design.seed == 0


def test_the_question_asked_beforehand():
    said = {"experiment": [
        {"features": "auto", "classifier": "auto", "arms": ["none"]},
        {"features": "tumour", "classifier": "logistic", "arms": ["none"]},
        {"features": "radiomics", "classifier": "lda", "arms": ["smote", "gaussian"]},
    ]}  # fmt: skip

    def asked(primary):
        return primary_of(resolve(preset="quick", overrides=said | {"primary": primary}))

    assert asked(None) == ("auto", "auto", None)
    # The first features and classifier that have the arm.
    assert asked("gaussian") == asked("gaussian@radiomics@lda") == ("radiomics", "lda", "gaussian")
    with pytest.raises(SettingError, match="synthetic arms that are compared: smote, gaussian"):
        asked("mixup")
    with pytest.raises(SettingError, match="there are radiomics with lda"):
        asked("smote@tumour")


def test_widths_are_arms_and_vectors_are_tuned():
    said = [
        {"features": "bottleneck", "classifier": "cnn", "arms": ["acgan"], "amounts": [10, "50%"],
         "planned": 10},
        {"features": "tumour", "classifier": "logistic", "arms": ["smote"]},
    ]  # fmt: skip
    settings = resolve(
        preset="quick",
        overrides={
            "experiment": said, "generator.widths": [8, 16], "tuning.shares": [1.0], "seed": 3,
        },
    )  # fmt: skip
    maps, vectors = study_parts(settings, real=14)
    assert (maps.name, vectors.name) == ("bottleneck-cnn", "tumour-logistic")
    arms = {arm.name: arm for arm in maps.design.arms}
    assert [*arms] == ["none", "acgan-8", "acgan-16"]
    assert arms["acgan-16"].amount == Counts((7, 10), 10)
    assert dict(arms["acgan-16"].sampler.settings)["width"] == 16
    assert {arm.name: arm.amount for arm in vectors.design.arms} == {
        "none": None, "duplicates": Tuned(), "smote": Tuned(), "auto": None,
    }  # fmt: skip
    assert vectors.design.shares == (1.0,) and vectors.generated() == []
    assert (maps.design.seed, vectors.design.seed) == (3, derive(3, "arms"))


QUICK = [
    {"features": "tumour", "classifier": "logistic", "arms": ["smote"]},
    {"features": "bottleneck", "classifier": "cnn", "arms": ["acgan"], "amounts": [10],
     "planned": 10},
    {"features": "region", "classifier": "logistic", "arms": ["none"]},
]  # fmt: skip


def test_arms_in_short_replace_those_of_parts_that_compare_any():
    found = shortened(QUICK, {"arms": ["mixup"]})
    assert [part["arms"] for part in found] == [["mixup"], ["mixup"], ["none"]]
    assert [part["features"] for part in found] == ["tumour", "bottleneck", "region"]
    assert shortened(QUICK, {}) == shortened(QUICK, {"arms": None}) == QUICK


def test_amounts_in_short_are_for_parts_that_have_some():
    found = shortened(QUICK, {"amounts": [5, 7]})
    assert "amounts" not in found[0] and "amounts" not in found[2]
    assert (found[1]["amounts"], found[1]["planned"]) == ([5, 7], 5)
    both = shortened(QUICK, {"amounts": [5, 7], "planned": 7})
    assert (both[1]["amounts"], both[1]["planned"]) == ([5, 7], 7)


def test_features_and_classifiers_in_short_make_all_pairs_that_go_together():
    found = shortened(QUICK, {"features": ["region", "enc1"]})
    assert [(p["features"], p["classifier"], p["arms"]) for p in found] == [
        ("region", "logistic", ["smote"]), ("enc1", "cnn", ["acgan"]),
    ]  # fmt: skip
    found = shortened(QUICK, {"features": ["tumour", "enc1"], "classifier": ["cnn", "logistic"]})
    assert [(p["features"], p["classifier"]) for p in found] == [
        ("auto", "auto"), ("tumour", "logistic"), ("enc1", "cnn"), ("enc1", "logistic"),
    ]  # fmt: skip
    assert found[2]["amounts"] == [10] and "amounts" not in found[3]
    assert [p["arms"] for p in found] == [["smote"], ["none"], ["acgan"], ["none"]]


def test_auto_in_short_stands_for_the_usual_ones():
    found = shortened(QUICK, {"features": ["auto"], "classifier": ["lda"], "arms": ["mixup"]})
    assert [(p["features"], p["classifier"]) for p in found] == [
        ("auto", "auto"), *((name, "lda") for name in FEATURES),
    ]  # fmt: skip
    assert all(p["arms"] == ["mixup"] for p in found) and all(p["optional"] for p in found[1:])
    found = shortened(QUICK, {"features": ["tumour", "outline_size"], "classifier": ["auto"]})
    assert [p["classifier"] for p in found[1:4]] == [*CLASSIFIERS] and "optional" not in found[1]
    assert shortened(QUICK, {"features": ["region"]})[0]["features"] == "region"


def test_what_is_chosen_from_comes_cheapest_first():
    features = {"features": ["radiomics+clinical", "region", "tumour", "clinical"]}
    short = features | {"classifier": ["forest", "logistic"]}
    settings = resolve(preset="quick", short=short)
    found = [(said.features, said.classifier) for said in candidates_of(settings)]
    assert found[:3] == [("clinical", "logistic"), ("clinical", "forest"), ("tumour", "logistic")]
    assert found[-1] == ("radiomics+clinical", "forest")
    part = make_part(settings, settings.experiment[0])
    assert part.name == "auto-auto" and len(part.among) == 8
    assert part.sources == ("clinical", "tumour", "region", "radiomics")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"features": "tumor"}, "did you mean 'tumour'"),
        ({"classifier": "logit"}, "did you mean 'logistic'"),
        ({"classifier": "cnn"}, "'cnn' takes maps, and 'tumour' are vectors"),
        ({"arms": ["smoted"]}, "did you mean 'smote'"),
        ({"amounts": [5, 7], "planned": 6}, "planned is 6, which is not among its amounts"),
        ({"amounts": [0, 7], "planned": 0}, "a verdict needs synthetic samples"),
    ],
)
def test_parts_that_cannot_be(part, words):
    with pytest.raises(SettingError, match=words):
        resolve(preset="quick", overrides={"experiment": [QUICK[0] | part]})


def test_a_missing_label_is_no_class(tmp_path):
    rows = pd.DataFrame({"patient": list("abcd"), "label": ["LGG", "HGG"] * 2, "row": range(4),
                         "case": list("abcd"), "slice": 0, "predicted": 9})  # fmt: skip
    part = Part("tumour", make_design(["none"]))
    X = np.arange(8.0).reshape(4, 2)
    about = {"classes": ("HGG", "LGG"), "rare": "LGG", "unit": "slices"}
    store = write_store(tmp_path / "a.zarr", X, **rows)
    assert features_of([store], part, **about).classes == ("HGG", "LGG")
    missing = rows.assign(label=["LGG", None, "LGG", "HGG"])
    with pytest.raises(DataError, match="labels are missing"):
        features_of([write_store(tmp_path / "b.zarr", X, **missing)], part, **about)


def test_what_is_no_generator_is_not_generated_for_a_network_of_maps():
    """The arm of augmented copies beside a part with counts: named for all, skipped there."""
    settings = resolve(preset="quick", short={"arms": ["augmentation"]})
    maps = [make_part(settings, said) for said in settings.experiment if said.classifier == "cnn"]
    assert maps and all("augmentation" in [arm.name for arm in p.design.arms] for p in maps)
    assert not any(arm.name == "augmentation" for part in maps for arm in part.generated())
    assert copies_of(settings, "radiomics") == 4  # of vectors
    alone = settings.model_copy(update={"experiment": [
        said for said in settings.experiment if said.classifier == "cnn"
    ]})  # fmt: skip
    assert copies_of(alone, "bottleneck") == 0
