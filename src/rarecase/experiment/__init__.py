"""Features × arms × classifiers on the same folds: what is fitted, tuned and predicted."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Arm": "rarecase.experiment.arms",
        "CLOSED_FORM": "rarecase.experiment.arm_names",
        "CompareResult": "rarecase.experiment.compare",
        "Oversample": "rarecase.experiment.recipes",
        "Plan": "rarecase.experiment.fold",
        "TrainingPart": "rarecase.experiment.training_set",
        "TrainingSet": "rarecase.experiment.training_set",
        "compare": "rarecase.experiment.compare",
        "compare_external": "rarecase.experiment.external",
        "pick_arms": "rarecase.experiment.arms",
        "scarcity_curve": "rarecase.experiment.scarcity",
    },
)
