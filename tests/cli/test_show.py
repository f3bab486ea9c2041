"""What a command says of the evidence, and in which order."""

import pytest

from rarecase.cli.show import show
from rarecase.evidence import make_evidence
from support.predictions import make_predictions, make_sets

FEW = {"rare": "B", "draws": 50}


def shown(capsys, evidence):
    show(evidence)
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def chosen():
    arms = {"smote": {"synthetic": True}}
    table = make_sets(sets={"clinical": -1.0, "tumour": 1.0}, arms=arms, promised=0.99,
                      choice=("clinical", "lda"))  # fmt: skip
    return make_evidence(table, **FEW)


def test_features_come_first_then_the_choice_then_its_arms_then_verdicts(chosen, capsys):
    said = " ".join(shown(capsys, chosen).split())
    parts = [
        *chosen["features"]["sentences"], chosen["choices"]["sentence"],
        f"Caution: {chosen['choices']['caution']}", "by features and classifier, the arm none",
        "Arms on what is chosen (auto with auto)", chosen["verdicts"][0]["sentence"],
        "Largest AUC",
    ]  # fmt: skip
    places = [said.index(part) for part in parts]
    assert places == sorted(places)


def test_one_set_has_one_table(capsys):
    evidence = make_evidence(make_predictions(), **FEW)
    said = shown(capsys, evidence)
    assert "by features and classifier" not in said and "mean (95" not in said
    assert evidence["features"]["sentences"][0] in " ".join(said.split())


def test_the_papers_protocol_has_no_such_answer(capsys):
    said = shown(capsys, make_evidence(make_predictions(), faithful=True, **FEW))
    assert "The paper's own protocol was requested" in " ".join(said.split())
