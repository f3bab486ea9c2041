"""Ways to treat imbalance: each fits on a fold's training part and predicts its test part."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Arm": "rarecase.arms.registry",
        "CLOSED_FORM": "rarecase.arms.names",
        "Oversample": "rarecase.arms.recipes",
        "Part": "rarecase.arms.features",
        "Synthetic": "rarecase.arms.features",
        "TrainingPart": "rarecase.arms.part",
        "TrainingSet": "rarecase.arms.part",
        "pick_arms": "rarecase.arms.registry",
        "sweep": "rarecase.arms.features",
    },
)
