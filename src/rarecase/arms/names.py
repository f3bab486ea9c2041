"""The names of the arms, for those who only need to know what there is (imports nothing heavy)."""

CLOSED_FORM = (
    "none",
    "threshold",
    "logit-adjustment",
    "class-weight",
    "undersample",
    "duplicates",
    "smote",
    "borderline-smote",
    "mixup",
    "remix",
    "gaussian",
)
"""Arms that need no training of a network, and no PyTorch."""
