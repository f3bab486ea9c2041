"""AUC of every features × classifier with its interval, a line for each set of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rarecase.evidence.metrics import AUC
from rarecase.evidence.tables_features import choice_family, reference_rows
from rarecase.imaging.drawing import FAINT, INK, canvas, look, panels
from rarecase.report.blocks import Figure, drawn
from rarecase.report.style import OTHERS, RARE

CHANCE = 0.5
ROW, BETWEEN = 0.3, 0.17  # inches for a set of features; part of a line between its classifiers


def features_forest(evidence: Mapping[str, Any]) -> Figure:
    """A point for each features × classifier, its interval, and a line where the baseline is; the
    largest on top, what inner folds chose before all."""
    rows, first = reference_rows(evidence), choice_family(evidence)
    sets = list(dict.fromkeys(row["features"] for row in rows))
    fixed = [row for row in rows if (row["features"], row["classifier"]) != first]
    kinds = list(dict.fromkeys(row["classifier"] for row in fixed))
    baseline = evidence["features"]["baseline"]
    with look():
        figure = canvas(1.3 + ROW * len(sets) * (1 + BETWEEN * len(kinds)))
        (axes,) = panels(figure, 1, 1)
        for i, row in enumerate(rows):
            name, score = row["classifier"], row["patients"]["scores"][AUC]
            is_choice = (row["features"], name) == first
            # Classifiers of a set stand below each other, around its place.
            own = [k for k in kinds if any(r["features"] == row["features"] and r["classifier"] == k
                                           for r in rows)]  # fmt: skip
            step = 0 if is_choice else own.index(name) - (len(own) - 1) / 2
            place = sets.index(row["features"]) + BETWEEN * step
            colour = RARE if is_choice else (*OTHERS, INK)[kinds.index(name) % (len(OTHERS) + 1)]
            value, low, high = np.array([score[k] for k in ("value", "low", "high")], float)
            around = np.abs([[value - low], [high - value]])
            seen = any(r["classifier"] == name for r in rows[:i])
            axes.errorbar(value, place, xerr=around, fmt="D" if is_choice else "o", color=colour,
                          markersize=5, capsize=2, elinewidth=1.2, clip_on=False,
                          label=None if seen else name)  # fmt: skip
        for each in evidence["features"]["sets"]:
            if each["features"] == baseline and each["auc"]["value"] is not None:
                axes.axvline(each["auc"]["value"], color=FAINT, linewidth=1, linestyle="dashed")
        axes.axvline(CHANCE, color=FAINT, linewidth=1, linestyle="dotted")
        axes.set_yticks(range(len(sets)), sets)
        axes.set_ylim(len(sets) - 0.5, -0.5)
        axes.set_xlim(min(0.4, axes.get_xlim()[0]), 1.0)
        axes.set_xlabel(f"AUC of class {evidence['rare']} on test patients, 95 % interval")
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower center", ncols=min(6, len(kinds) + 1))
    than = "" if baseline is None else f"; dashed: {baseline}"
    text = (
        f"What the features know of class {evidence['rare']} when nothing is done about the "
        f"imbalance. Dotted: chance{than}. Intervals of two sets may overlap and their difference "
        "be certain all the same, since both were measured on the same patients: see Δ in the "
        "table."
    )
    alt = f"AUC with intervals of {', '.join(sets)}; the numbers are in the table"
    return drawn(figure, name="features-forest", caption=text, alt=alt)
