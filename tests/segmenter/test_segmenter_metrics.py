import numpy as np
import pytest
import torch
from monai.losses import DiceLoss
from monai.metrics import DiceMetric, MeanIoU
from sklearn.metrics import f1_score, jaccard_score

from rarecase.segmenter.losses import LOSSES, dice_loss, soft_dice
from rarecase.segmenter.metrics import hard_dice, iou, volume_dice


def masks(seed: int = 0, n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return ((torch.rand(n, 1, 16, 16, generator=g) > 0.6).float(),
            (torch.rand(n, 1, 16, 16, generator=g) > 0.5).float())  # fmt: skip


def test_soft_dice_agrees_with_monai():
    _, target = masks()
    logits = torch.randn(6, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    reference = DiceLoss(
        sigmoid=True, squared_pred=True, batch=True, smooth_nr=1e-5, smooth_dr=1e-5
    )
    assert dice_loss(logits, target).item() == pytest.approx(
        reference(logits, target).item(), abs=1e-6
    )


def test_soft_dice_of_nothing_found_where_nothing_is_is_one():
    assert soft_dice(torch.zeros(4), torch.zeros(4)).item() == pytest.approx(1)


def test_cross_entropy_is_added():
    _, target = masks()
    logits = torch.randn(6, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    p = logits.sigmoid()
    entropy = -(target * p.log() + (1 - target) * (1 - p).log()).mean()
    both = LOSSES["dice+bce"](logits, target)
    assert both.item() == pytest.approx((dice_loss(logits, target) + entropy).item(), abs=1e-5)


def test_half_of_the_dice_is_each_samples_own_where_there_is_a_lesion():
    _, target = masks()
    target[2] = 0  # a slice without one
    logits = torch.randn(6, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    shown = torch.tensor([0, 1, 3, 4, 5])
    each = DiceLoss(sigmoid=True, squared_pred=True, smooth_nr=1e-5, smooth_dr=1e-5)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    expected = (dice_loss(logits, target) + each(logits[shown], target[shown])) / 2 + entropy
    assert LOSSES["sample-dice+bce"](logits, target).item() == pytest.approx(expected.item())
    # In a batch without any lesion there is but the batch's.
    nothing = LOSSES["sample-dice+bce"](logits, 0 * target)
    assert nothing.item() == pytest.approx(LOSSES["dice+bce"](logits, 0 * target).item())


def test_hard_dice_and_iou_agree_with_scikit_learn():
    a, b = masks()
    flat = (b.numpy().ravel(), a.numpy().ravel())
    assert hard_dice(a, b).item() == pytest.approx(f1_score(*flat), abs=1e-6)
    assert iou(a, b).item() == pytest.approx(jaccard_score(*flat), abs=1e-6)


def test_volume_dice_agrees_with_monai():
    a, b = (m[:, 0].numpy() for m in masks(n=6))
    cases = np.array(["p", "q", "p", "q", "q", "p"])
    found = volume_dice(a, b, cases).set_index("case")
    for name in ("p", "q"):
        volumes = [torch.from_numpy(m[cases == name])[None, None] for m in (a, b)]
        assert found.loc[name, "dice"] == pytest.approx(DiceMetric()(*volumes).item())
        assert found.loc[name, "iou"] == pytest.approx(MeanIoU()(*volumes).item())
        assert found.loc[name, "slices"] == 3


def test_a_volume_without_tumour_counts_as_right_only_if_nothing_is_found():
    nothing, pixel = np.zeros((1, 2, 2)), np.array([[[1, 0], [0, 0]]])
    assert volume_dice(nothing, nothing, np.array(["p"]))["dice"].item() == 1
    assert volume_dice(pixel, nothing, np.array(["p"]))["dice"].item() == 0
