"""The deployed model in a folder of its own, for others, with its card: what it is, what it is
worth, what it must not be used for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rarecase.checksums import write_checksums
from rarecase.deploy.final import chosen_text
from rarecase.deploy.model import SEGMENTER, Deployed, save_classifier
from rarecase.errors import DataError
from rarecase.evidence.text import class_counts, number, with_interval
from rarecase.features.sources.registry import names_in, source_listed
from rarecase.files import replacing_directory, write_text

EXAMPLE = '''"""How to use this model: python predict.py SCAN [SCAN …]; needs `rarecase[torch]`."""

import sys
from pathlib import Path

from rarecase import load_model, predict_images

if len(sys.argv) < 2:
    sys.exit("usage: python predict.py SCAN [SCAN …]")
model = load_model(Path(__file__).parent)
out = Path("predictions")
while out.exists():
    out = out.with_name(out.name + "-again")
for found in predict_images(model, sys.argv[1:], out=out):
    print(found)
'''


def write_model(model: Deployed, out: Path) -> Path:
    """Write a model to a new folder that needs nothing of its run and names no patient: weights,
    model.json, model_card.md and predict.py, an example.

    Returns the folder; raises `DataError` where it exists."""
    if out.exists():
        raise DataError(f"{out} exists and was not touched; choose a new folder.")
    nameless = replace(
        model.segmenter, trained_on=(), validated_on=(), initialised_from=None,
        patients_known=False,
    )  # fmt: skip
    with replacing_directory(out) as folder:
        (folder / SEGMENTER).mkdir()
        nameless.save(folder / SEGMENTER)
        sources = [source.nameless() for source in model.sources]
        save_classifier(folder, model.final, sources, model.familiar, model.card)
        write_text(folder / "model_card.md", model_card(model.card))
        write_text(folder / "predict.py", EXAMPLE)
        write_checksums(folder, again="Export the model from its run again.")
    return out


def model_card(card: dict[str, Any]) -> str:
    """model_card.md as text."""
    learnt, evidence, chosen = card["learnt_from"], card["evidence"], card["chosen"]
    tested = evidence["patients"]
    patients = class_counts(learnt["patients"])
    scores = "\n".join(
        f"| {_name(n)} | {with_interval(v)} |" for n, v in evidence["scores"].items()
    )
    dice = "not measured (no masks)" if evidence["dice"] is None else number(evidence["dice"])
    look = "another look"
    if not card["looks"]:
        look = "but not another look, which takes\nmore cases than it has learnt from"
    said = evidence["verdicts"] or ["none: no synthetic arm was planned"]
    verdicts = "\n".join(f"- {sentence}" for sentence in said)
    synthetic = "" if card["synthetic"] else "no "
    return f"""# Model card

**For research alone. Not a medical device: nothing that it says may decide on a patient.**

## What it does
{_masks(card)}, channels {", ".join(card["channels"])}) and
tells {" from ".join(card["classes"])} by the
classifier `{card["classifier"]}` on the features `{card["features"]}`:
{_sources(card)}. The rare
class, {card["rare"]}, is called from a probability of {number(card["threshold"])} on, the threshold
with the best balanced accuracy on out-of-fold predictions.

{chosen_text(chosen)} of the patients it has
learnt from{_promise(chosen)}.

## What it has learnt from
{patients}: {sum(learnt["patients"].values())} patients, {learnt["slices"]} slices. It holds no name
of a patient and no image.

## What it is worth
That rule, choice included, was applied in every fold of the study, and this is what came of it,
measured on {sum(tested.values())} patients ({class_counts(tested)}) whom the networks of each
fold had not seen; the model itself has learnt from all its patients, and cannot be judged on any.

| score, on patients | value (95 % interval) |
|---|---|
{scores}
| mean Dice a volume | {dice} |

An interval without width, such as 0.00 to 0.00 or 1.00 to 1.00, says that all of few patients came
out alike, and is no certainty.

## Synthetic samples
Arm `{card["arm"]}`: it has learnt from {synthetic}synthetic samples. The verdicts of the study:

{verdicts}

## When not to believe it
Every prediction lists what speaks against the scan being of the kind that was learnt from: another
modality or sequence, other slice distances, {look}. An empty list does not prove that it is.
Other scanners, hospitals and populations than those learnt from are not covered by these numbers.

Made with rarecase {card["version"]}. `python predict.py SCAN` shows how to load it;
`rarecase predict FOLDER SCAN` does the same.
"""


def _masks(card: dict[str, Any]) -> str:
    """What the U-Net does, in 2-D or 3-D."""
    area = f"{card['size']}×{card['size']}"
    if card["dimensions"] == 2:
        return (
            f"Outlines the tumour in every axial slice with a 2-D U-Net (slices of {area}\npixels"
        )
    return f"Outlines the tumour with a 3-D U-Net (volumes of {card['planes']}×{area} voxels"


def _sources(card: dict[str, Any]) -> str:
    """What the features are, in words."""
    return "; ".join(source_listed(name).text for name in names_in(card["features"]))


def _promise(chosen: dict[str, Any]) -> str:
    promised = chosen.get("promised")
    if promised is None:
        return ", of which there were too few to choose by"
    return f",\nwhich saw an AUC of {number(promised)}: what a choice has seen flatters it"


def _name(score: str) -> str:
    if score == "auc_rare":
        return "AUC of the rare class"
    return score.replace("_", " ").replace("tuned ", "at the tuned threshold: ")
