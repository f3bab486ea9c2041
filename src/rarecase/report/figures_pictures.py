"""The paper's Figures 3, 4, 5, 7 and 8 from this run: slices, augmentation, masks, feature maps."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from rarecase.imaging.drawing import (
    PREDICTED_OUTLINE,
    TRUE_OUTLINE,
    canvas,
    draw_image,
    draw_outline,
    look,
    outline_handles,
    panels,
    short,
)
from rarecase.report.blocks import Figure, drawn, joined
from rarecase.report.overlays import dice
from rarecase.report.set_aside import SetAside, Shown
from rarecase.report.starts import start_words


def class_figure(shown: SetAside) -> Figure:
    """Figures 3 and 4: a slice of each class beside its mask."""
    slices = shown.slices
    with look():
        figure = canvas(9.6 / max(4, 2 * len(slices)) + 0.35)
        axes_list = panels(figure, 1, 2 * len(slices))
        for i, one in enumerate(slices):
            image, mask = axes_list[2 * i : 2 * i + 2]
            draw_image(image, one.image)
            image.set_title(f"{short(one.label, most=18)}: slice", fontsize=9)
            if one.true is None:
                mask.text(0.5, 0.5, "no mask", ha="center", transform=mask.transAxes)
            else:
                mask.imshow(one.true, cmap="gray", vmin=0, vmax=1, interpolation="none")
            mask.set_title("mask", fontsize=9)
        for axes in axes_list:
            axes.set_axis_off()
    names = joined([one.label for one in slices])
    return drawn(
        figure,
        name="classes",
        caption=f"The paper's Figures 3 and 4: a slice of each class ({names}; channel "
        f"{shown.channel}) and its mask, label above 0 as whole tumour. Of each class the test "
        "case of the first fold with the median Dice, at the slice with most tumour.",
        alt=f"Slices and masks of {names}",
    )


def augmentation_figure(shown: SetAside) -> Figure:
    """Figure 5: a slice as it is, under each augmentation alone, and under all of them."""
    columns = 4
    rows = -(-len(shown.augmented) // columns)
    original = next(iter(shown.augmented.values()))[0]
    with look():
        figure = canvas(rows * (9.6 / columns + 0.3))
        axes_list = panels(figure, rows, columns)
        for axes in axes_list:
            axes.set_axis_off()
        for axes, (name, (image, mask)) in zip(axes_list, shown.augmented.items(), strict=False):
            draw_image(axes, image, like=original)
            draw_outline(axes, mask, colour=TRUE_OUTLINE, dashed=False)
            axes.set_title(name, fontsize=9)
    used = "" if shown.augmented_here else " This run did not use them."
    return drawn(
        figure,
        name="augmentation",
        caption="The paper's Figure 5: a slice as it is, under each augmentation of Table 1 alone, "
        "and under all seven drawn together, image and mask resampled once. What comes in from "
        f"outside is background.{used}",
        alt="A slice with the outline of its mask under each augmentation: "
        + ", ".join(shown.augmented),
    )


def tuning_figure(shown: SetAside) -> Figure:
    """Figure 7: masks of the pre-trained network beside those of the fine-tuned one."""
    slices = [one for one in shown.slices if one.before is not None]
    with look():
        figure = canvas(len(slices) * 3.3 + 0.4, width=9.6)
        axes_list = panels(figure, len(slices), 3)
        for i, one in enumerate(slices):
            _tuning_row(axes_list[3 * i : 3 * i + 3], one)
        handles = outline_handles(true=True)
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    start = start_words(shown.start)
    return drawn(
        figure,
        name="fine-tuning",
        caption=f"The paper's Figure 7: what the initial network ({start}) outlines before it has "
        "seen any patient of this cohort, and after fine-tuning on the fold's training patients. "
        "Test patients of the first fold.",
        alt="Slices with the true outline and the outlines before and after fine-tuning",
    )


def _tuning_row(axes_list: Sequence[Axes], one: Shown) -> None:
    titles = (short(f"{one.label}, {one.case}", most=30), "before fine-tuning", "fine-tuned")
    for axes, mask, title in zip(axes_list, (None, one.before, one.after), titles, strict=True):
        axes.set_axis_off()
        draw_image(axes, one.image)
        if one.true is not None:
            draw_outline(axes, one.true, colour=TRUE_OUTLINE, dashed=False)
        if mask is not None:
            draw_outline(axes, mask, colour=PREDICTED_OUTLINE, dashed=True)
            if one.true is not None:
                title += f": Dice {dice(one.true, mask):.2f}"
        axes.set_title(title, fontsize=9, loc="left")


def blocks_figure(shown: SetAside) -> Figure:
    """Figure 8: maps of one slice in every block."""
    columns = max(len(maps) for maps, _ in shown.blocks.values())
    with look():
        figure = canvas(len(shown.blocks) * (8.2 / columns + 0.02) + 0.2)
        axes_list = panels(figure, len(shown.blocks), columns)
        figure.get_layout_engine().set(wspace=0.02, hspace=0.02)  # type: ignore[union-attr, call-arg]
        for axes in axes_list:
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
            axes.spines[:].set_visible(False)
        for row, (name, (maps, channels)) in enumerate(shown.blocks.items()):
            first = axes_list[row * columns]
            side = f"{maps.shape[1]}×{maps.shape[2]}"
            first.set_ylabel(f"{name}\n{channels} × {side}", fontsize=8, rotation=0, ha="right",
                             va="center", labelpad=8)  # fmt: skip
            for axes, one in zip(axes_list[row * columns :], maps, strict=False):
                top = float(one.max()) or 1.0
                axes.imshow(one, cmap="cividis", vmin=0, vmax=top, interpolation="none")
    return drawn(
        figure,
        name="blocks",
        caption=f"The paper's Figure 8: feature maps after the ReLU of every block, for the slice "
        f"of {shown.slices[0].label} shown above; of each block the channels that vary most over "
        "it, each on its own scale.",
        alt="Rows of feature maps, one row a block from input to output",
    )
