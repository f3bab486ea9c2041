"""Arms as data: what may be said, what is picked, and what a thing is identified by."""

from dataclasses import replace

import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rarecase.errors import SettingError
from rarecase.experiment import CLOSED_FORM, Arm, Counts, Design, Sampler, Share, Tuned, make_design
from rarecase.experiment.arm import AsManyAs, control_of, identity
from rarecase.experiment.arms import PLAIN, is_trained, make_arms, pick_arms, with_width
from rarecase.experiment.classifiers import Classifier
from rarecase.generators import ACGAN, Smote
from rarecase.generators.registry import KINDS


def test_every_generator_is_an_arm_and_all_but_copies_are_synthetic():
    arms = make_arms()
    assert set(KINDS) < set(arms)
    assert {name for name in KINDS if not arms[name].synthetic} == {"duplicates"}
    assert not any(arm.synthetic or (arm.sampler and arm.amount) for arm in PLAIN)
    assert arms["acgan"].sampler.filter == "agreement"
    assert arms["acgan-unfiltered"].sampler.filter is None
    assert {name for name, arm in arms.items() if is_trained(arm)}.isdisjoint(CLOSED_FORM)


def test_the_closed_form_arms_are_those_that_are_compared_unless_named():
    assert CLOSED_FORM == (
        "none", "threshold", "logit-adjustment", "class-weight", "undersample", "duplicates",
        "smote", "borderline-smote", "mixup", "remix", "gaussian",
    )  # fmt: skip


def test_the_reference_and_the_copies_are_always_among_them():
    own = Arm("mine", Sampler(Smote()), synthetic=True)
    assert [arm.name for arm in pick_arms(["smote"])] == ["none", "duplicates", "smote", "auto"]
    assert [arm.name for arm in pick_arms("threshold")] == ["none", "threshold"]
    assert [arm.name for arm in pick_arms([own, "smote"])] == [
        "none", "duplicates", "smote", "auto", "mine",
    ]  # fmt: skip
    assert [arm.name for arm in pick_arms(["smote"], copies=False)] == ["none", "smote"]
    with pytest.raises(SettingError, match="did you mean 'smote'"):
        pick_arms(["smoted"])
    with pytest.raises(SettingError, match="stands twice"):
        pick_arms(["smote", Arm("smote")])


def test_a_sampler_by_its_name_or_as_an_instance():
    assert Arm("a", "smote").sampler == Sampler("smote")
    assert Arm("a", "smote", "tuned").amount == Tuned()
    assert isinstance(Arm("a", RandomOverSampler()).sampler, Sampler)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"amount": "many"}, "amount of arm 'a': expected 'tuned'.*got 'many'"),
        ({"weights": "heavy"}, "weights of arm 'a': expected none or balanced, got 'heavy'"),
        ({"posterior": "up"}, "posterior of arm 'a': expected none or threshold or logit"),
        ({"sampler": "smot"}, "sampler 'smot' is unknown; did you mean 'smote'"),
        ({"sampler": LogisticRegression()}, "a sampler with fit_resample"),
        ({"synthetic": True}, "synthetic, but it has no sampler"),
    ],
)
def test_arms_that_cannot_be(settings, words):
    with pytest.raises(SettingError, match=words):
        Arm("a", **settings)


def test_a_control_is_treated_as_its_arm_but_for_its_samples():
    arm = Arm("a", Sampler("smote"), Share(1.0), "balanced", "threshold", synthetic=True)
    control = control_of(arm)
    assert control.sampler == Sampler("duplicates") and control.amount == AsManyAs("a")
    assert (control.weights, control.posterior) == ("balanced", "threshold")
    assert control.control_of == "a" and not control.synthetic


def test_equal_samplers_share_their_fits_whatever_the_name():
    arms = make_arms()
    assert arms["none"].fits == arms["threshold"].fits == arms["logit-adjustment"].fits
    assert arms["none"].fits != arms["class-weight"].fits
    assert arms["acgan"].fits != arms["acgan-unfiltered"].fits


def test_a_width_of_its_own():
    wide = with_width(make_arms()["acgan"], width=7, name="acgan-7")
    assert wide.name == "acgan-7" and ("width", 7) in wide.sampler.settings
    assert wide.sampler.filter == "agreement" and wide.synthetic


PIPELINE = make_pipeline(StandardScaler(), LogisticRegression(C=2.0))


@pytest.mark.parametrize(
    "make",
    [
        lambda v: Sampler("smote", (("k", v),)),
        lambda v: Arm("a", Sampler("smote"), Share(float(v))),
        lambda v: Counts((1, 2), planned=v),
        lambda v: SMOTE(k_neighbors=v),
        lambda v: ACGAN(epochs=v),
        lambda v: Classifier("own", LogisticRegression(), grid={"C": (1.0, float(v))}),
        lambda v: make_pipeline(StandardScaler(), LogisticRegression(C=v)),
        lambda v: make_design(["smote", Arm("own", SMOTE(k_neighbors=v), synthetic=True)]),
        lambda v: replace(make_design(["smote"]), rare_patients=v),
    ],
)
def test_identity_is_of_class_and_parameters(make):
    assert identity(make(3)) == identity(make(3)) is not None
    assert identity(make(3)) != identity(make(4))


def test_identity_tells_classes_apart_and_passes_on_what_it_cannot_tell():
    assert identity(Smote()) != identity(SMOTE())
    assert identity(Share(1.0)) != identity(Tuned((1.0,)))
    assert identity((1, "1")) != identity(("1", 1))
    for own in (lambda: 1, object(), Sampler("smote", (("f", print),))):
        assert identity(own) is None


def test_a_design_whose_parts_cannot_be_told_has_no_digest():
    class Odd(LogisticRegression):
        def get_params(self, deep=True):
            return super().get_params(deep) | {"C": print}

    assert make_design(["smote"]).digest is not None
    assert make_design(["smote"], classifier=LogisticRegression(C=2)).digest is not None
    design = make_design(["none"])
    odd = replace(design, classifier=replace(design.classifier, grid={"C": (object(),)}))
    assert odd.digest is None


def test_tasks_of_a_design_share_what_trains_no_network():
    design = make_design(["smote", "threshold", "acgan", "cvae"])
    tasks = design.tasks()
    assert {name: [arm.name for arm in arms] for name, arms in tasks.items()} == {
        "arms": ["none", "threshold", "duplicates", "smote", "auto"], "acgan": ["acgan"],
        "cvae": ["cvae"],
    }  # fmt: skip
    slow = replace(design, classifier=replace(design.classifier, lazy=True))
    assert [*slow.tasks()] == [arm.name for arm in design.arms]


def test_as_many_as_another_is_for_controls():
    with pytest.raises(SettingError, match="every synthetic arm gets its own"):
        make_design(["smote", Arm("copies", "duplicates", AsManyAs("smote"))])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amounts": []}, "amounts: expected shares above 0"),
        ({"amounts": [0.0]}, "amounts: expected shares above 0"),
        ({"amounts": [200]}, "amounts: expected shares above 0"),
        ({"inner": 1}, "inner, seeds: expected at least 2 and 1, got 1, 2"),
        ({"seeds": 0}, "inner, seeds: expected at least 2 and 1, got 3, 0"),
        ({"classifier": "logistics"}, "did you mean 'logistic'"),
    ],
)
def test_designs_that_cannot_be(change, words):
    with pytest.raises(SettingError, match=words):
        make_design(["smote"], **change)


def test_amounts_are_for_arms_that_say_none():
    design = make_design(["undersample", "smote", Arm("own", "smote", Share(0.3), synthetic=True)])
    amounts = {arm.name: arm.amount for arm in design.arms}
    assert amounts == {
        "none": None, "undersample": None, "duplicates": Tuned(), "smote": Tuned(),
        "auto": None, "own": Share(0.3),
    }  # fmt: skip
    counted = make_design(["smote", "undersample"], amounts=Counts((5,), 5))
    assert {arm.name: arm.amount for arm in counted.arms} == {
        "none": None, "undersample": None, "smote": Counts((5,), 5),
    }  # fmt: skip
    assert isinstance(design, Design) and design.shares == (0.5, 1.0, 2.0)
    assert make_design(["smote"], amounts=[2, 0.5]).shares == (0.5, 2.0)
