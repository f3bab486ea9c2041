"""Ways to treat imbalance: each fits on a fold's training part and predicts its test part."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Part": "rarecase.arms.features",
        "Synthetic": "rarecase.arms.features",
        "sweep": "rarecase.arms.features",
    },
)
