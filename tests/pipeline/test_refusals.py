"""What a study refuses, before anything runs or is overwritten."""

import pytest

from rarecase import Study
from rarecase.cli.main import main
from rarecase.errors import DataError, LeakError, SettingError
from support.studies import copied


def test_a_disk_that_is_too_small_is_said_before_anything_runs(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("rarecase.pipeline.disk.free_disk", lambda path: 1000)
    with pytest.raises(DataError, match=r"needs up to .* and 1000 B are free"):
        Study(out=tmp_path / "run", settings=tiny).run()
    assert not (tmp_path / "run/slices").exists()
    forced = {**tiny, "compute.ignore_disk": True}
    Study(out=tmp_path / "run", settings=forced).run(until="segment")


def test_pretraining_on_the_studys_own_patients_is_refused_before_anything_runs(
    finished, tiny, tmp_path
):
    own = str(finished / "simulated/study")
    with pytest.raises(LeakError, match=r"10 of the patients.*Sim_HGG_001"):
        Study(own, out=tmp_path / "run", settings={**tiny, "pretrain.cohort": own}).plan()


def test_a_folder_that_is_not_a_run_is_left_alone(tiny, tmp_path):
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(DataError, match=r"not empty.*nothing in it was touched"):
        Study(out=tmp_path, settings=tiny)
    with pytest.raises(DataError, match="is a file"):
        Study(out=tmp_path / "thesis.doc", settings=tiny)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_run_on_other_data_is_not_overwritten(finished, tiny, tmp_path):
    run = copied(finished, tmp_path)
    kept = (run / "predictions.parquet").read_bytes()
    with pytest.raises(DataError, match=r"a run on the simulated cohort; a run on .* would remove"):
        Study(finished / "simulated/study", out=run, settings=tiny)
    assert (run / "predictions.parquet").read_bytes() == kept


def test_damaged_predictions_of_a_run_are_named(finished, tmp_path, capsys):
    run = copied(finished, tmp_path)
    (run / "predictions.parquet").write_bytes(b"PAR1 and no more")
    assert main(["evaluate", str(run)]) == 1
    assert str(run / "predictions.parquet") in capsys.readouterr().err


def test_missing_data_and_stage_are_named(tiny, tmp_path):
    with pytest.raises(DataError, match=r"data: no such file or folder.*nowhere"):
        Study(tmp_path / "nowhere", out=tmp_path / "run", settings=tiny)
    with pytest.raises(SettingError, match="did you mean 'classify'"):
        Study(out=tmp_path / "run", settings=tiny).plan(until="classfy")
