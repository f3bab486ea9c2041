"""Every setting of a study, with the paper's values as defaults. Unknown names are errors."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from rarecase.experiment.arms import CLOSED_FORM
from rarecase.features.feature_set import Masks
from rarecase.features.radiomics.recipe import Recipe
from rarecase.features.sources.networks import Network
from rarecase.pipeline.settings_training import (
    Count,
    Fraction,
    Positive,
    PretrainSettings,
    Section,
    SegmenterSettings,
)

Device = Literal["auto", "cpu", "cuda", "mps"]


class CohortSettings(Section):
    """Which cases, which label."""

    label: str | None = None
    """COLUMN, or COLUMN=V[,V…] against the rest; without it the layout's own label."""
    merge: dict[str, list[str]] = {}
    """New class: values that it joins."""
    channels: list[str] | None = None
    """Channels to use, in order; without it those that most cases have."""
    exclude: list[str] = []
    """Case ids to leave out; `unreadable`: those whose files cannot be read, which are then
    named."""
    conflict: Literal["error", "most-common", "first", "drop"] = "error"
    """What to do with a patient who has two labels."""
    tumour: list[int] | None = None
    """Values of the masks that are tumour; without it all above 0 (but what nnU-Net ignores)."""
    rare: str | None = None
    """The rare class; without it the one with the fewest patients."""
    clinical: list[str] = []
    """Columns of the table of labels that are `clinical` features besides age and sex."""
    categorical: list[str] = []
    """Those of them whose numbers are codes of categories."""
    accept: list[str] = []
    """Clinical columns that may know the class beforehand, and are taken all the same."""


class SlicesSettings(Section):
    """From volumes to slices."""

    size: Annotated[int, Field(ge=16)] = 240
    """Height and width of a slice in pixels."""
    planes: Count = 32
    """For a U-Net of three dimensions: planes that each case's slices are brought to."""
    pixel: Positive | None = None
    """Millimetres of a pixel, the same for everybody; without it each slice is fitted as it is."""
    normalise: Literal["tissue", "case", "cohort"] = "cohort"
    """`cohort`: the paper's mean and deviation, fitted on training patients; `tissue`: each case
    alone, by what is not background nor half air; `case`: by all that is not background."""
    skip_empty: bool = False
    """Leave out slices without tissue."""

    @property
    def alone(self) -> Literal["tissue", "case", "none"]:
        """How each case is normalised by itself; not at all where the cohort's mean is taken."""
        return "none" if self.normalise == "cohort" else self.normalise


class SplitSettings(Section):
    """Who is tested when. Always by patient."""

    kind: Literal["kfold", "given", "site", "holdout"] = "holdout"
    """Stratified k-fold, folds given with the data, leave one site out, or the paper's 90/10."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Folds of kfold."""
    repeats: Count = 1
    """How often kfold is drawn anew."""
    validation: Fraction = 0.15
    """Part of the training patients on which the segmenter's best epoch is chosen."""


class SimulationSettings(Section):
    """The simulated cohort that stands in when no data are given, and for pre-training."""

    patients: dict[str, Count] = {"HGG": 61, "LGG": 40}
    """Patients of each class."""
    slices: Count = 50
    """Axial slices of a volume."""
    separability: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How different the classes look: 1 as in life, 0 not at all."""


class FeaturesSettings(Section):
    """What is taken from the U-Net; which is said by `experiment`."""

    keep: bool = False
    """Keep the stores of real and synthetic features when nothing needs them any more."""


class RadiomicsSettings(Section):
    """How `radiomics` are measured (IBSI)."""

    resample: Positive | None = 1.0
    """Millimetres between voxels, within slices where these are thick; null: as they are."""
    bins: Annotated[int, Field(ge=2)] = 32
    """Grey levels between a region's extremes."""
    width: Positive | None = None
    """Grey levels of this width instead, where intensities have a unit, as those of CT."""
    filters: list[str] = []
    """Filtered images measured besides: log-SIGMA (Laplacian of Gaussian, mm), wavelet."""

    @property
    def recipe(self) -> Recipe:
        """As what measures takes it."""
        return Recipe(self.resample, self.bins, self.width, filters=tuple(self.filters))


class GeneratorSettings(Section):
    """The ACGAN of maps; `seeds` and `samples` are of every generator whose amounts are counts."""

    widths: Annotated[list[Count], Field(min_length=1)] = [64, 256, 512]
    """ngf = ndf of the convolutional pair; each width is an arm."""
    epochs: Count = 50
    """Passes over the training features."""
    max_steps: Count | None = None
    """Stop after so many optimisation steps."""
    batch: Annotated[int, Field(ge=2)] = 16
    """Samples in a batch."""
    learning_rate: Positive = 0.002
    """Of Adam, both networks."""
    beta1: Fraction = 0.5
    """Of Adam, both networks."""
    seeds: Count = 1
    """Generators trained per fold where amounts are counts, each from its own seed."""
    samples: Count | None = None
    """Synthetic samples generated per fold; without it twice the largest amount."""


class ClassifierSettings(Section):
    """The paper's CNN for maps; another classifier of maps takes those that it has."""

    channels: list[Count] = [64, 128]
    """Of the convolutional blocks (the notebook: 64, 128, 128)."""
    dense: Count = 2048
    """Width of the first fully connected layer."""
    epochs: Count = 20
    """Passes over real and synthetic samples."""
    batch: Annotated[int, Field(ge=2)] = 10
    """Samples in a batch."""
    learning_rate: Positive = 1e-3
    """Of Adam."""
    tune_threshold: bool = False
    """Choose its threshold on inner folds: as many trainings more."""

    def parameters_of(self, known: Container[str]) -> dict[str, Any]:
        """What an estimator with the parameters `known` is given."""
        wanted = {
            "channels": tuple(self.channels), "dense": self.dense, "epochs": self.epochs,
            "batch_size": self.batch, "lr": self.learning_rate,
        }  # fmt: skip
        return {name: value for name, value in wanted.items() if name in known}


class DesignSettings(Section):
    """Features × arms × a classifier: one part of the experiment."""

    features: str
    """A source (`rarecase blocks` lists them), or several joined by +, such as radiomics+clinical;
    `auto`: chosen anew in every fold, with the classifier, among the other parts on vectors;
    `stack`: the average of these, weighted by inner folds."""
    classifier: str
    """`cnn` (the paper's, of maps); of vectors, and of maps averaged over positions, `logistic`,
    `lda`, `forest`, `boosting`, `svm`, or a scikit-learn estimator as module:factory; `auto` and
    `stack` with features of that name."""
    arms: list[str]
    """Ways to treat the imbalance; `none` and `duplicates` are always among them."""
    optional: bool = False
    """Left out where its features cannot be had: no age or sex in the table, a package missing."""
    amounts: list[int | str] = []
    """Numbers of synthetic samples in all, or percentages of a fold's real training samples
    ("25%"), spread equally over the classes. Empty: chosen on inner folds (`tuning.shares`)."""
    planned: int | str | None = None
    """The one of `amounts` that was fixed beforehand: it has a control and a verdict."""

    @field_validator("amounts", "planned")
    @classmethod
    def _readable(cls, value: list[int | str] | int | str | None) -> Any:
        for amount in value if isinstance(value, list) else [value]:
            text = str(amount).removesuffix("%")
            if amount is not None and not text.replace(".", "", 1).isdigit():
                raise ValueError(f"expected a number or a percentage such as 25%, got {amount!r}")
        return value


class TuningSettings(Section):
    """What is chosen on inner folds of a fold's training patients, and on which samples."""

    shares: Annotated[list[Positive], Field(min_length=1)] = [0.5, 1.0, 2.0]
    """Amounts to choose from: shares of what a class lacks to be as frequent as the largest."""
    inner: Annotated[int, Field(ge=2)] = 3
    """Inner folds."""
    seeds: Count = 2
    """Fits of every sampler, each from its own seed."""
    masks: Literal["predicted", "true", "none", "whole"] = "predicted"
    """The masks under which vectors are taken. `predicted`: the U-Net's, tuned on the masks that
    training patients have; `true` (to see what better masks would be worth): the given ones where
    there are; `none`: given masks are not used, and those of the U-Net as it comes take their
    place; `whole`: the whole head."""
    unit: Literal["patients", "slices"] = "patients"
    """What a vector is of: a patient (averaged over slices: seconds) or a slice (minutes)."""
    combat: bool = False
    """Harmonise features between sites (ComBat), fitted to the training patients of each fold.
    Patients of a site that is left out are taken as they are; otherwise a site that does not train
    is refused."""
    checks: bool = True
    """Self-checks: permuted labels, a split by slices, training against test features."""

    @property
    def under(self) -> Masks:
        """The masks as sources of features know them: `none` are predicted by somebody else."""
        return "predicted" if self.masks == "none" else self.masks


class ComputeSettings(Section):
    """Where and how it is computed; changes nothing but the last bits, and what follows of them."""

    device: Device = "auto"
    """Where: auto takes a GPU if there is one."""
    precision: str = "auto"
    """auto: bfloat16 where it is measured to be faster; else one of Fabric's, such as 32-true."""
    threads: Count | None = None
    """CPU threads of each step, whoever performs it, so that the bits do not depend on that;
    without it the CPUs shared out among the processes. Settled when a run begins."""
    compile: bool = False
    """torch.compile the networks (on a CPU: half a minute each, then a little faster)."""
    ignore_disk: bool = False
    """Start even when the disk may be too small: compression may make it fit."""
    processes: Count | None = None
    """Steps computed side by side on this machine; without it one a CPU as far as memory and folds
    allow, and up to four on a GPU."""
    resources: dict[str, float] = {}
    """What each step needs of a Dask worker, as that was started with, such as {GPU: 1}."""


class Settings(Section):
    """A whole study."""

    data: str | None = None
    """Folder or table of the cohort; without it the simulated cohort."""
    preset: str = "paper"
    """The preset that these settings started from."""
    seed: int = 0
    """Everything random derives from it."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """A difference that counts as none: within it a verdict may be `no difference`."""
    metric: str = "auc_rare"
    """What verdicts are about: the AUC of the rare class, or another metric declared beforehand."""
    primary: str | None = None
    """The question asked beforehand, ARM, ARM@FEATURES or ARM@FEATURES@CLASSIFIER: it is tested
    first, at the full level, and the others after it. Without it the first part of the experiment
    is primary, and its arms are corrected for each other."""
    protocol: Literal["sound", "faithful"] = "sound"
    """`faithful` repeats what the paper did with its test set, which flatters: never publish it."""
    cohort: CohortSettings = CohortSettings()
    simulation: SimulationSettings = SimulationSettings()
    slices: SlicesSettings = SlicesSettings()
    split: SplitSettings = SplitSettings()
    pretrain: PretrainSettings = PretrainSettings()
    segmenter: SegmenterSettings = SegmenterSettings()
    features: FeaturesSettings = FeaturesSettings()
    radiomics: RadiomicsSettings = RadiomicsSettings()
    networks: dict[str, Network] = {}
    """Pre-trained networks of one's own, by the NAME of the source `network:NAME`: make, weights,
    arguments, block, size, mean, std, depth, seen."""
    generator: GeneratorSettings = GeneratorSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    experiment: Annotated[list[DesignSettings], Field(min_length=1)] = [
        DesignSettings(
            features="bottleneck",
            classifier="cnn",
            arms=["acgan"],
            amounts=[300, 600, 1158, 2400, 4800],
            planned=1158,
        ),
        DesignSettings(features="tumour", classifier="logistic", arms=list(CLOSED_FORM)),
        DesignSettings(features="outline_size", classifier="logistic", arms=["none"]),
    ]
    """What is set side by side: features × arms × a classifier, the first of them the primary
    one. --features, --classifier, --arms, --amounts and --planned say it in short."""
    tuning: TuningSettings = TuningSettings()
    compute: ComputeSettings = ComputeSettings()
