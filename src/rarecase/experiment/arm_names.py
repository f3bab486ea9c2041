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
"""The arms that are compared unless others are named: none needs the training of a network, nor
PyTorch."""

MORE = ("gaussian-mixture", "borrowed")
"""Others of that kind, by name: every arm more makes the correction of all verdicts stricter."""

NEURAL = ("acgan", "acgan-unfiltered", "adcgan", "wgan", "infogan", "cvae", "diffusion")
"""Arms that train a network, by name; they need PyTorch."""
