import pandas as pd
import pytest

from rarecase.cohort.clinical import clinical_columns, clinical_values
from rarecase.errors import SettingError


def test_age_and_sex_are_known_by_their_usual_names_and_others_must_be_named():
    names = ["case", "Patient_Age", "age_death", "Gender", "stage", "COCCluster"]
    assert clinical_columns(names) == ["Patient_Age", "Gender"]
    assert clinical_columns(names, wanted=["stage"]) == ["Patient_Age", "Gender", "stage"]
    assert clinical_columns(names, wanted=["COCCluster"], label="COCCluster=2") == [
        "Patient_Age", "Gender",
    ]  # fmt: skip
    with pytest.raises(SettingError, match="no column 'stages'; did you mean 'stage'"):
        clinical_columns(names, wanted=["stages"])


def test_missing_values_are_those_that_tables_write():
    table = pd.DataFrame({"case": ["a", "b", "b"], "age": ["41", "unknown", "52.0"]})
    assert clinical_values(table) == {"a": {"age": "41"}, "b": {"age": "52"}}
    only = pd.DataFrame({"case": ["a"], "sex": ["NA"]})
    assert clinical_values(only) == {"a": {"sex": None}}
