"""Features × arms × classifiers on the same folds: what is fitted, tuned and predicted."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Arm": "rarecase.experiment.arm",
        "CLOSED_FORM": "rarecase.experiment.arms",
        "describe_arms": "rarecase.experiment.arms",
        "Classifier": "rarecase.experiment.classifiers.contract",
        "Counts": "rarecase.experiment.arm",
        "Design": "rarecase.experiment.design",
        "Sampler": "rarecase.experiment.arm",
        "Share": "rarecase.experiment.arm",
        "Tuned": "rarecase.experiment.arm",
        "fit_fold": "rarecase.experiment.fold",
        "make_design": "rarecase.experiment.design",
        "pick_arms": "rarecase.experiment.arms",
    },
)
