"""A predictions table as an experiment writes it, of arms whose skill is known."""

import numpy as np
import pandas as pd

from rarecase.evidence.predictions import COLUMNS

ARMS = {"none": {}, "smote": {"synthetic": True}}


def make_predictions(
    *,
    arms=ARMS,
    features=("tumour",),
    classifiers=("logistic",),
    classes=("A", "B"),
    n=(24, 12),
    folds=3,
    repeats=1,
    seeds=(0,),
    slices=4,
    controls=True,
    seed=0,
):
    """A predictions table; the last of `classes` is the rare one, with n[-1] patients.

    `arms`: name → what sets it apart from its defaults, in order: `amount` (default "0" for `none`,
    else "tuned"), `synthetic`, `planned` (default: as synthetic), `seeds` (default: null for
    arms that are not synthetic, else `seeds`), `added`, `threshold`, `shift` (on the rare class's
    logit, of everybody), `skill` (the same, of rare patients alone), `noise`. With `controls` each
    planned synthetic arm is followed by its control, which is `none` once more.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(classes)), n)
    base = rng.normal(size=(len(labels), 1, len(classes)))
    base[np.arange(len(labels)), 0, labels] += 1.0
    base[:, :, 0] += 1.0
    base = base + 0.3 * rng.normal(size=(len(labels), slices, len(classes)))
    frames = []
    for source in features:
        for classifier in classifiers:
            for name, about in _with_controls(arms, seeds, controls).items():
                for repeat in range(repeats):
                    for each in about["seeds"]:
                        logits = base.copy()
                        logits[..., -1] += about.get("shift", 0.0)
                        logits[labels == len(classes) - 1, :, -1] += about.get("skill", 0.0)
                        logits += about.get("noise", 0.0) * rng.normal(size=logits.shape)
                        p = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
                        key = {"features": source, "arm": name, "classifier": classifier}
                        frames.append(
                            _frame(p, labels, classes, folds=folds, repeat=repeat, seed=each,
                                   about={**about, **key})
                        )  # fmt: skip
    table = pd.concat(frames, ignore_index=True)
    return table[[*COLUMNS, *(f"p_{c}" for c in classes)]]


def _with_controls(arms, seeds, controls):
    found = {}
    for name, given in arms.items():
        synthetic = given.get("synthetic", False)
        about = {
            "synthetic": synthetic, "planned": synthetic, "control_of": None,
            "reference": name == "none", "seeds": seeds if synthetic else (None,),
            "amount": "tuned" if synthetic else "0", "added": 64 if synthetic else 0,
            "threshold": 0.5, **given,
        }  # fmt: skip
        found[name] = about
        if controls and synthetic and about["planned"]:
            plain = {"synthetic": False, "planned": False, "control_of": name}
            same = {key: about[key] for key in about if key not in ("shift", "skill", "noise")}
            found[f"duplicates:{name}"] = same | plain
    return found


def _frame(p, labels, classes, *, folds, repeat, seed, about):
    patients, slices = p.shape[:2]
    who = np.repeat(np.arange(patients), slices)
    same = ("features", "arm", "classifier", "amount", "synthetic", "control_of", "planned",
            "reference", "added", "threshold")  # fmt: skip
    return pd.DataFrame(
        {
            **{name: about[name] for name in same},
            "requested": about["added"], "chosen": "{}", "splits": "digest",
            "repeat": repeat, "fold": (who + repeat) % folds,
            "seed": pd.array([seed] * who.size, dtype="Int64"),
            "case": [f"c{i:02d}" for i in who], "slice": np.tile(np.arange(slices), patients),
            "patient": [f"p{i:02d}" for i in who], "site": None,
            "label": np.asarray(classes)[labels[who]],
            "predicted": np.tile(np.arange(slices) * 10, patients) if slices > 1 else 1,
            **{f"p_{c}": p[:, :, i].ravel() for i, c in enumerate(classes)},
        }
    )  # fmt: skip


SETS = {"clinical": 0.3, "radiomics": 2.5, "tumour": 0.6, "outline_size": -2.0}
"""Features, and how far apart they set the classes."""


def make_sets(
    *,
    sets=SETS,
    classifiers=("logistic", "lda"),
    arms=None,
    choice=("radiomics", "lda"),
    promised=0.8,
    **kwargs,
):
    """A predictions table of several sets of features; `outline_size` with the first of the
    `classifiers`. With `choice` the same of it stands under the name auto with `arms` (as
    `make_predictions` takes them), where every fold chose it, and an arm auto that is the arm none
    there; `promised` is said in each fold."""
    frames = []
    for name, skill in sets.items():
        for kind in classifiers[:1] if name == "outline_size" else classifiers:
            noise = 0.02 * (1 + classifiers.index(kind))
            here = {"none": {"skill": skill, "noise": noise}}
            frames.append(make_predictions(arms=here, features=(name,), classifiers=(kind,),
                                           **kwargs))  # fmt: skip
    if choice is not None:
        skill = sets[choice[0]]
        given = {"none": {}, **(arms or {})}
        given = {name: {"skill": skill} | about for name, about in given.items()}
        mine = make_predictions(arms=given, features=("auto",), classifiers=("auto",), **kwargs)
        said = f'"features": "{choice[0]}", "classifier": "{choice[1]}", "promised": {promised}'
        mine["chosen"] = f"{{{said}}}"
        taken = mine[mine["arm"] == "none"].assign(arm="auto", amount="tuned", reference=False)
        frames += [mine, taken.assign(chosen=f'{{"arm": "none", {said}}}')]
    return pd.concat(frames, ignore_index=True)
