"""Other cohorts: what the run learnt, judged where it was not learnt."""

from __future__ import annotations

from rarecase.evidence.tables import check_lines, counts_line
from rarecase.evidence.text import number
from rarecase.files import read_json
from rarecase.pipeline import run_folder
from rarecase.report import names
from rarecase.report.blocks import Block, Bullets, Section, Text
from rarecase.report.run_files import RunFiles
from rarecase.report.tables import results_table

EXPLAINED = (
    "Each fold's U-Net and arms, as they came out of their training patients, predict every "
    "patient of the other cohort; a patient's probabilities are averaged over the folds. Nothing "
    "is learnt from the other cohort. As there is one ensemble to judge, the verdicts rest on the "
    "permutation test alone: they hold for these training patients, and carry no chance of "
    "training."
)


def external_section(run: RunFiles) -> Section | None:
    """A table of arms for each other cohort; nothing where the run was judged on none."""
    if not run.others:
        return None
    blocks: list[Block] = [Text(EXPLAINED)]
    for name, folder in run.others.items():
        evidence = read_json(folder / run_folder.EVIDENCE)
        blocks.append(Text(counts_line(evidence)))
        dice = read_json(folder / names.OTHER_COHORT)["dice"]
        if dice is not None:
            blocks.append(Text(f"Its tumours are outlined with a mean Dice of {number(dice)}."))
        blocks.append(results_table(evidence, caption=f"{name}: every arm on patients elsewhere"))
        lines = [v["sentence"] for v in evidence["verdicts"]]
        if evidence["checks"]:
            lines += check_lines(evidence["checks"])
        if lines:
            blocks.append(Bullets(lines, "Verdicts and self-checks", style="finding"))
    return Section("elsewhere", "And on other patients? External cohorts", blocks)
