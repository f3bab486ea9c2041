"""Every arm by its name. A generator of the registry is an arm; others stand here, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rarecase.errors import SettingError, nearest
from rarecase.experiment.arm import AUGMENTATION, Arm, Sampler, Tuned
from rarecase.generators.registry import KINDS

COPIES = 4  # augmented ones of every case
REFERENCE, CONTROL, SELECTED = "none", "duplicates", "auto"

PLAIN = {
    Arm("none"): "the real samples: the reference",
    Arm("threshold", posterior="threshold"): "`none`, the rare class called from the threshold "
    "with the best balanced accuracy on inner folds",
    Arm("logit-adjustment", posterior="logit"): "`none`, log prior subtracted from the logits "
    "(Menon et al. 2021)",
    Arm("class-weight", weights="balanced"): "samples weighted so that classes weigh the same",
    Arm("undersample", Sampler("undersample")): "as many samples of every class as the rarest has",
}
"""Arms without added samples, and what they do."""

VARIANTS = {
    Arm("acgan-unfiltered", Sampler("acgan"), Tuned(), synthetic=True): "the ACGAN without the "
    "paper's filter",
    Arm("acgan-images", Sampler("acgan", filter="agreement", on="images"), synthetic=True): "an "
    "ACGAN of images, whose features are then taken; for maps (the paper's future work)",
    Arm(
        "augmentation", Sampler(AUGMENTATION), Tuned(), synthetic=True, test_copies=COPIES + 1
    ): "features of augmented slices of the same patients (geometry and intensities), and the mean "
    "over a patient's copies at test; so has its control",
}
"""Arms whose generator is in the registry under another name."""

SELECTION = {
    Arm("auto", selects=True): "in every fold whichever of the others (augmentation apart) is best "
    "on inner folds; the cheaper one within a standard error: what is deployed",
}
"""The arm that is one of the others."""

CLOSED_FORM = (
    "none", "threshold", "logit-adjustment", "class-weight", "undersample", "duplicates", "smote",
    "borderline-smote", "mixup", "remix", "gaussian",
)  # fmt: skip
"""The arms that are compared unless others are named: none trains a network. Not every closed form,
since every arm makes the correction of all stricter."""


def make_arms() -> dict[str, Arm]:
    """All arms, in the order of tables: without samples, with real ones again, with synthetic."""
    generators = [
        Arm(kind.name, Sampler(kind.name, filter=kind.filter), Tuned(), synthetic=kind.synthetic)
        for kind in KINDS.values()
    ]
    return {arm.name: arm for arm in (*PLAIN, *generators, *VARIANTS, *SELECTION)}


def is_trained(arm: Arm) -> bool:
    """Whether its sampler trains a network, and needs PyTorch."""
    kind = arm.sampler.kind if arm.sampler is not None else None
    return kind in KINDS and KINDS[kind].trained


def cites_of(arm: Arm) -> tuple[str, ...]:
    """Keys of the sources of what an arm does, in report/manuscript/references.bib; none where it
    is nobody's in particular.

    >>> cites_of(make_arms()["logit-adjustment"]), cites_of(make_arms()["none"])
    (('menon2021',), ())
    """
    kind = arm.sampler.kind if arm.sampler is not None else None
    of_kind = KINDS[kind].cites if isinstance(kind, str) and kind in KINDS else ()
    return (*of_kind, *(("menon2021",) if arm.posterior == "logit" else ()))


def describe_arms() -> dict[str, str]:
    """What every arm does, by its name, in the order of tables.

    >>> describe_arms()["class-weight"]
    'samples weighted so that classes weigh the same'
    """
    generators = {name: kind.text for name, kind in KINDS.items()}
    plain, variants, selection = (
        {arm.name: text for arm, text in d.items()} for d in (PLAIN, VARIANTS, SELECTION)
    )
    return plain | generators | variants | selection


def pick_arms(names: str | Sequence[str | Arm], *, copies: bool = True) -> list[Arm]:
    """The arms of these names, in the order of tables; `none`, what all are measured against, is
    always among them, and `duplicates` where one is synthetic (`copies`), and `auto` where there
    is anything to select (`copies`). An `Arm` of one's own goes through as it is.

    >>> [arm.name for arm in pick_arms(["smote"])]
    ['none', 'duplicates', 'smote', 'auto']
    """
    known = make_arms()
    picked: dict[str, Arm] = {}
    for each in [names] if isinstance(names, str) else names:
        arm = each if isinstance(each, Arm) else known.get(each)
        if arm is None:
            raise SettingError(f"arms: {each!r} is unknown; {nearest(str(each), known)}")
        if arm.name in picked:
            raise SettingError(f"arms: {arm.name!r} stands twice.")
        picked[arm.name] = arm
    synthetic = any(arm.synthetic for arm in picked.values())
    for name in (REFERENCE, *((CONTROL,) if copies and synthetic else ())):
        picked.setdefault(name, known[name])
    if copies and len({arm.fits for arm in picked.values()}) > 1:
        picked.setdefault(SELECTED, known[SELECTED])
    order = [*(name for name in known if name in picked), *(n for n in picked if n not in known)]
    return [picked[name] for name in order]


def with_width(arm: Arm, *, width: int, name: str) -> Arm:
    """The same arm whose networks are so wide, under another name."""
    sampler = replace(arm.sampler, settings=(*arm.sampler.settings, ("width", width)))
    return replace(arm, name=name, sampler=sampler)
