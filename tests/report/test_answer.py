"""The first section: which features know the rare class, and what was chosen."""

import json

import pandas as pd
import pytest

from rarecase.evidence import make_evidence
from rarecase.report import make_report
from rarecase.report.blocks import Text
from rarecase.report.cautions import grave_cautions
from rarecase.report.run_files import RunFiles
from rarecase.report.section_answer import answer_section
from rarecase.report.section_first import first_section
from rarecase.report.tables_choice import choices_table, features_table, sets_table
from support.fake_run import fake_run
from support.predictions import SETS, make_sets


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose features and classifier were chosen in every fold, and promised too much."""
    made = fake_run(tmp_path_factory.mktemp("answer"), generator=False, features=False,
                    pretrain=False, pictures=False)  # fmt: skip
    arms = {"smote": {"synthetic": True}}
    table = make_sets(arms=arms, classes=("HGG", "LGG"), n=(30, 15), choice=("clinical", "lda"),
                      promised=0.999, sets=SETS | {"clinical": -1.0})  # fmt: skip
    extra = make_sets(sets={"maps": 0.0}, classifiers=("cnn",), arms=arms, choice=("maps", "cnn"),
                      classes=("HGG", "LGG"), n=(30, 15))  # fmt: skip
    extra = extra[extra["features"] == "auto"].query("arm != 'auto'")
    extra = extra.assign(features="maps", classifier="cnn", chosen="{}")
    predictions = pd.concat([table, extra], ignore_index=True)
    evidence = make_evidence(predictions, rare="LGG", draws=100)
    predictions.to_parquet(made / "predictions.parquet")
    (made / "evidence.json").write_text(json.dumps(evidence))
    return made


@pytest.fixture
def files(run):
    return RunFiles(run)


def test_a_row_for_each_set_and_one_for_each_classifier_the_choice_first(files):
    table, sets = features_table(files.evidence), sets_table(files.evidence)
    names = [(row[0], row[1]) for row in table.rows]
    assert names[0] == ("auto", "auto") and len(set(names)) == len(names) == 9
    assert [row[0] for row in sets.rows] == list(dict.fromkeys(name for name, _ in names))
    assert len(sets.rows) == len(SETS) + 2 == len(table.marked)
    assert sets.columns[-4:] == ["Δ outline_size", "p", "Δ auto", "p"]
    best = next(i for i, name in enumerate(names) if name[0] == "radiomics")
    assert best in table.marked and best + 1 not in table.marked
    scores = next(
        r["patients"]["scores"] for r in files.evidence["rows"]
        if (r["features"], r["classifier"]) == names[best]
    )  # fmt: skip
    assert table.rows[best][2].text == f"{scores['auc_rare']['value']:.2f}"


def test_a_row_for_each_fold_and_one_for_all(files):
    table = choices_table(files.evidence)
    assert [row[0] for row in table.rows] == ["0", "1", "2", "all"]
    assert table.rows[0][1:5] == ["clinical", "lda", "none", "1.00"]
    assert table.rows[-1][1:4] == ["clinical 3", "lda 3", "none 3"]


def test_a_broken_promise_stands_among_the_cautions(files):
    said = files.evidence["choices"]["caution"]
    assert said and said in grave_cautions(files)
    assert Text(said, "warning") in first_section(files).blocks
    files.evidence = files.evidence | {"choices": None}
    assert said not in grave_cautions(files)


def test_the_page_says_features_first_then_the_arms_on_the_choice(run):
    page = make_report(run).read_text(encoding="utf-8")
    evidence = json.loads((run / "evidence.json").read_text())
    first = evidence["features"]["sentences"][0]
    own, other = (v["sentence"] for v in sorted(evidence["verdicts"],
                                                key=lambda v: v["features"] != "auto"))  # fmt: skip
    titles = ("Features × classifier, the arm none", "every arm on what inner folds chose")
    places = [page.index(each) for each in (first, *titles, own, other)]
    assert places == sorted(places)
    assert (
        "clinical, radiomics and tumour with logistic and lda; outline_size with logistic" in page
    )
    assert (run / "report" / "figures" / "features-forest.svg").is_file()


def test_one_set_of_features_has_no_such_section(files):
    rows = [row for row in files.evidence["rows"] if row["features"] == "maps"]
    files.evidence = files.evidence | {"rows": rows, "choices": None}
    assert answer_section(files) is None
    del files.evidence["features"], files.evidence["choices"]  # written before
    assert answer_section(files) is None
