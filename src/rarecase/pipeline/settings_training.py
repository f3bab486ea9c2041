"""Settings of the U-Net: how it is trained, and on what before."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rarecase.shown import Brief

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


def _not_one(value: int) -> int:
    if value == 1:
        raise ValueError("a part of all patients leaves nobody to learn from: 0, or from 2 on")
    return value


class Section(Brief, BaseModel):
    """Frozen, strict about names; field descriptions are the help text. Shows what differs from the
    defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def _about(self) -> dict[str, Any]:
        usual = {
            name: field.get_default(call_default_factory=True)
            for name, field in type(self).model_fields.items()
            if not field.is_required()
        }
        mine = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in mine.items() if value != usual.get(name)}


class TrainingSettings(Section):
    """How a U-Net is trained."""

    epochs: Count = 30
    """Passes over the training slices."""
    batch: Annotated[int, Field(ge=2)] = 10
    """Slices in a batch."""
    learning_rate: Positive = 1e-5
    """Of Adam."""
    beta1: Fraction = 0.9
    """Of Adam."""
    decay: Literal["constant", "cosine"] = "constant"
    """Course of the learning rate."""
    loss: Literal["dice", "dice+bce", "sample-dice+bce"] = "dice"
    """The paper's soft Dice, over all slices of a batch together; with cross-entropy: steadier from
    random weights; or with that and, for one half of the Dice, the mean of each slice's own, so
    that small lesions count as large ones do."""
    threshold: Literal["half", "dice"] = "half"
    """The probability above which a pixel is lesion: one half, or half of the validation patients'
    Dice, which maximises it where probabilities are right."""
    coarse: Fraction = 0.0
    """This share of the epochs, the first, sees slices at half size: a quarter of the time."""
    augment: bool = True
    """The seven augmentations of the paper's Table 1."""
    augment_strength: Annotated[float, Field(gt=0, le=2)] = 1.0
    """Times as strong as in Table 1, flips apart: short trainings do better with less."""
    patience: Count | None = None
    """Stop after so many epochs without a lower loss of the validation patients. The weights of the
    best epoch are taken in any case."""


class PretrainSettings(TrainingSettings):
    """Pre-training the U-Net on another cohort."""

    cohort: str | None = None
    """`simulated`, or a folder of other patients; without it no pre-training."""
    channels: list[str] | None = None
    """Channels of that cohort; without it all."""
    learning_rate: Positive = 1e-4
    """Of Adam."""
    patients: dict[str, Count] = {"HGG": 60, "LGG": 40}
    """Patients of each class, if simulated."""


class ScratchSettings(Section):
    """What takes the place of the segmenter's where it begins from random weights and not, as its
    other settings mean it, from a trained network. Without a value they hold."""

    epochs: Count | None = None
    """Passes over the training slices."""
    coarse: Fraction | None = None
    """This share of them sees slices at half size."""
    learning_rate: Positive | None = None
    """Of Adam."""


class SegmenterSettings(TrainingSettings):
    """The U-Net, trained in every fold without the fold's test patients."""

    init: str | None = None
    """Where it starts from: `pretrained`, the U-Net that comes with the package, which has learnt
    from simulated brains alone; `model.safetensors` of a trained U-Net; or `none`: random weights,
    which is also what is done where the package's outlines nothing in the training patients."""
    scratch: ScratchSettings = ScratchSettings()
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The learning rate of a block is this times that of the one behind it, so that what the first
    ones of a trained network know changes least. 1: one rate, as from random weights."""
    allow_seen: bool = False
    """Accept an initial model that has seen test patients: a leak, requested by name."""
    flips: bool = False
    """Predict masks of patients it did not train on from a slice and its three mirror images
    together: steadier, four times the work."""
    cross_fit: Annotated[int, Field(ge=0), AfterValidator(_not_one)] = 0
    """So many networks more in every fold, each trained without a part of its training patients,
    whose masks it predicts: masks to learn from that are as good as those of new patients, instead
    of better. 0: the fold's own network predicts them."""
    network: str = "unet"
    """The segmentation network, by its name."""
    width: Count = 64
    """Channels of the first block."""
    depth: Annotated[int, Field(ge=1, le=7)] = 4
    """Number of poolings."""
    norm: Literal["none", "batch"] = "none"
    """Batch normalisation, which the paper's U-Net has not."""
    dimensions: Literal[2, 3] = 2
    """2: it looks at slices, the paper's way. 3: at whole cases; a case is then a sample, of which
    there are few, so that everything behind it needs less time and finds less to learn from."""

    def from_scratch(self) -> SegmenterSettings:
        """What is done from random weights."""
        said = {name: value for name, value in self.scratch if value is not None}
        return self.model_copy(update={**said, "layer_decay": 1.0})
