"""The command line as a user types it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from rarecase import __version__, simulate_cohort
from rarecase.cli.main import build_parser, main
from rarecase.generators.registry import KINDS
from support.pages import page_words
from support.studies import copied, flags


def rarecase(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "rarecase", *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr + done.stdout
    return done


def call(capsys, *words: object) -> tuple[int, str, str]:
    """The same without a process: quicker."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def run_folder(finished, tmp_path_factory) -> Path:
    return copied(finished, tmp_path_factory.mktemp("cli"))


def test_a_whole_run_in_a_process_of_its_own(finished, tiny, tmp_path):
    settings = {**tiny, "experiment": tiny["experiment"][2:]}
    done = rarecase("run", *flags(settings), "--out", tmp_path / "run")
    assert "rare class LGG" in done.stdout and "\nnone" in done.stdout
    assert str(tmp_path / "run/report/index.html") in done.stdout


def test_version_and_help_teach():
    assert rarecase("--version").stdout == f"rarecase {__version__}\n"
    text = rarecase("--help").stdout
    assert "rarecase run --preset demo" in text and "inspect" in text
    assert "--segmenter.epochs" in rarecase("run", "--help").stdout
    commands = next(a for a in build_parser()._actions if a.dest == "command").choices
    for name in commands:
        assert rarecase(name, "--help").stdout.startswith("usage:")


def test_a_run_from_the_command_line_and_again(run_folder, tiny, capsys):
    assert (run_folder / "report/index.html").stat().st_size > 10_000
    code, out, _ = call(capsys, "run", *flags(tiny), "--out", run_folder, "-q")
    assert code == 0 and "Nothing to do" in out
    code, out, _ = call(capsys, "run", "--out", run_folder, "--json", "-q")
    said = json.loads(out)
    assert code == 0 and said["performed"] == 0
    assert said["evidence"] == json.loads((run_folder / "evidence.json").read_text())


def test_stages_one_by_one(tiny, tmp_path, capsys):
    run = tmp_path / "run"
    for stage, there in (
        ("segment", "repeat-0/fold-1/segmenter/model.safetensors"),
        ("extract", "repeat-0/fold-1/features/bottleneck/bottleneck.zarr"),
        ("run", "repeat-0/fold-1/synthetic/bottleneck-acgan-seed0/samples.zarr"),
        ("classify", "predictions.parquet"),
    ):
        assert not (run / there).exists()
        words = flags(tiny) if stage == "segment" else []
        words += ["--until", "generate"] if stage == "run" else []
        code, out, err = call(capsys, stage, *words, "--out", run, "-q")
        assert code == 0, err
        assert (run / there).exists() and "Run folder:" in out
    assert not (run / "report").exists()


def test_dry_run_shows_what_it_would_cost_and_does_nothing(
    run_folder, tiny, tmp_path, capsys, caplog
):
    data = run_folder / "simulated/study"
    out_folder = tmp_path / "new"
    words = ["run", data, *flags(tiny), "--out", out_folder, "--dry-run", "-q"]
    code, out, err = call(capsys, *words)
    assert code == 0 and "Nothing was run" in " ".join(out.split()) and "segmenter" in out
    assert not out_folder.exists()
    # Generators are measured on random numbers: what they make of these says nothing.
    assert "collapsed" not in out + err + caplog.text
    code, out, _ = call(capsys, *words, "--json")
    said = json.loads(out)
    assert said["patients"] == 10 and said["slices"] == 60
    assert said["seconds"] > 0 and said["disk_bytes"] > 0 and said["memory_bytes"] > 0
    assert not any(step["done"] for step in said["steps"])
    assert {cell["status"] for cell in said["cells"]} == {"planned"}


def test_dry_run_counts_only_what_remains(run_folder, tmp_path, capsys):
    whole, rest = tmp_path / "whole", copied(run_folder, tmp_path)
    words = ["run", "--dry-run", "--json", "-q", "--config", rest / "study.yaml"]
    everything = json.loads(call(capsys, *words, "--out", whole)[1])
    nothing = json.loads(call(capsys, *words, "--out", rest)[1])
    assert nothing["seconds"] == 0 and nothing["disk_bytes"] == 0
    assert all(step["done"] for step in nothing["steps"])
    shutil.rmtree(rest / "repeat-0/fold-1/cells/tumour-logistic-arms")
    some = json.loads(call(capsys, *words, "--out", rest)[1])
    assert 0 < some["seconds"] < everything["seconds"]
    assert len(some["cells"]) == len(everything["cells"])
    assert sum(cell["status"] == "planned" for cell in some["cells"]) == 4


def test_evaluate_weighs_the_run_anew(run_folder, capsys):
    before = json.loads((run_folder / "evidence.json").read_text())
    code, out, _ = call(capsys, "evaluate", run_folder)
    assert code == 0 and "rare class LGG" in " ".join(out.split())
    assert json.loads((run_folder / "evidence.json").read_text()) == before
    code, out, _ = call(capsys, "evaluate", run_folder, "--json")
    assert json.loads(out) == before


def test_inspect(run_folder, capsys):
    data = run_folder / "simulated/study"
    code, out, _ = call(capsys, "inspect", data, "-q")
    assert code == 0 and "10 cases of 10 patients (6 HGG, 4 LGG; rare: LGG)" in out
    code, out, _ = call(capsys, "inspect", data, "--json", "-q", "--fast")
    assert code == 0 and json.loads(out)["classes"] == {"HGG": 6, "LGG": 4}


def test_inspect_finds_a_broken_file_and_says_so_to_scripts(run_folder, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(run_folder / "simulated/study", data)
    victim = next(data.glob("HGG/*/*_flair.nii.gz"))
    victim.write_bytes(victim.read_bytes()[:200])
    code, out, _ = call(capsys, "inspect", data, "-q")
    assert code == 1 and "error" in out and victim.parent.name in out


def test_simulate(tmp_path, capsys):
    words = ("simulate", tmp_path / "s", "--patients", "HGG=2,LGG=1", "--size", 32, "--slices", 6)
    code, out, _ = call(capsys, *words, "-q")
    assert code == 0 and "3 patients" in out
    assert len(list((tmp_path / "s").glob("*/*/*_seg.nii.gz"))) == 3
    code, _, err = call(capsys, *words[:2], "--patients", "HGG", "-q")
    assert code == 2 and "HGG=24,LGG=12" in err


def test_arms_blocks_and_settings(capsys):
    code, out, _ = call(capsys, "arms", "--json")
    arms = {arm["arm"]: arm for arm in json.loads(out)}
    assert code == 0 and {"none", *KINDS} < {*arms} and all(arm["text"] for arm in arms.values())
    assert arms["acgan"]["verdict"] and arms["acgan"]["trains"] and not arms["none"]["verdict"]
    code, out, _ = call(capsys, "arms")
    assert code == 0 and "gets a verdict" in out
    code, out, _ = call(capsys, "blocks", "--preset", "paper", "--json")
    blocks = {b["block"]: b for b in json.loads(out)}
    assert code == 0 and blocks["bottleneck"]["shape"] == [1024, 15, 15]
    assert blocks["dec2"]["shape"] == [128, 120, 120] and blocks["dec2"]["reduction"] == 2
    assert blocks["tumour"]["shape"] == [2 * (64 + 128 + 256 + 512) + 1024]
    code, out, _ = call(capsys, "blocks")
    assert code == 0 and "bottleneck" in out
    code, out, _ = call(capsys, "settings", "--preset", "quick")
    assert code == 0 and "segmenter.epochs" in out


def test_settings_tell_choices_and_can_be_filtered(capsys):
    code, out, _ = call(capsys, "settings", "--json", "normalise")
    (said,) = json.loads(out)
    assert code == 0 and said["choices"] == ["tissue", "case", "cohort"]
    code, out, _ = call(capsys, "settings", "generator")
    names = [line.split()[0] for line in out.splitlines()[2:]]
    assert code == 0 and names and all(name.startswith("generator.") for name in names)
    code, out, _ = call(capsys, "settings", "--preset", "paper")
    assert "0.00001" in out and "e-05" not in out  # the paper's learning rate
    for name in ("auc_macro", "most-common", "smote", "radiomics", "boosting"):
        assert name in out
    code, out, _ = call(capsys, "settings", "ComBat")  # in no name, but in what one is about
    assert code == 0 and "tuning.combat" in out
    code, _, err = call(capsys, "settings", "epoks")
    assert code == 2 and "No setting is about 'epoks'" in err


def test_data_without_labels_can_be_inspected(tmp_path, capsys):
    folder = simulate_cohort(tmp_path / "c", patients={"HGG": 2, "LGG": 1}, size=32, slices=6)
    flat = tmp_path / "flat"
    flat.mkdir()
    for case in folder.glob("*/Sim*"):
        case.rename(flat / case.name)
    assert main(["inspect", str(flat), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert len(said["cases"]) == 3 and said["problems"][0]["severity"] == "error"
    assert "the data has no labels" in said["problems"][0]["message"]
    assert main(["inspect", str(flat), "--label", "nothing"]) == 1


DEMO = ("run", "--out", "x", "--preset", "demo")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("run",), 2, "--out RUN is missing"),
        (("inspect",), 2, "DATA is missing"),
        (("run", "--out", "x", "--lable", "a"), 2, "Did you mean '--label'"),
        (("run", "--out", "x", "--segmenter.epocs", "3"), 2, "Did you mean '--segmenter.epochs'"),
        (("run", "--out", "x", "--segmenter.epochs"), 2, "--segmenter.epochs needs a value"),
        (("run", "--out", "x", "--preset", "demo", "--segmenter.epochs=x"), 2, "valid integer"),
        (("run", "--out", "x", "--preset", "papre"), 2, "did you mean 'paper'"),
        (("run", "--out", "x", "--config", "none.yaml"), 2, "none.yaml: cannot be read"),
        (("run", "nowhere", "--out", "x"), 1, "no such file or folder"),
        (("run", "--out", "x"), 2, "DATA is missing, and x holds no run"),
        (("run", "a", "b", "--out", "x"), 2, "Unexpected argument 'b'"),
        (("run", "--out", "x", "--merge", "low"), 2, "NEW=VALUE"),
        (("report", "nowhere"), 1, "not a run folder"),
        (("run", "--out", "/dev/null/x", "--preset", "demo"), 1, "/dev/null"),
        ((*DEMO, "--init", "."), 1, "model.safetensors: no such file"),
        ((*DEMO, "--features", "tumor"), 2, "did you mean 'tumour'"),
        ((*DEMO, "--arms", "smoted"), 2, "did you mean 'smote'"),
        ((*DEMO, "--features", "tumour", "--classifier", "cnn"), 2, "takes maps"),
        ((*DEMO, "--amounts", "lots"), 2, "expected a number or a percentage"),
        ((*DEMO, "--amounts", "5", "--planned", "7"), 2, "not among its amounts"),
        ((*DEMO, "--device", "abacus"), 2, "compute.device: Input should be"),
    ],
)  # fmt: skip
def test_what_a_user_gets_wrong(words, code, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got, _, err = call(capsys, *words)
    assert got == code
    assert message in err and err.startswith("rarecase: ")
    assert "Traceback" not in err


def test_json_on_standard_output_is_clean(run_folder):
    done = rarecase("run", "--out", run_folder, "--json")
    json.loads(done.stdout)


def test_label_and_merge_reach_the_cohort(run_folder, tmp_path, capsys):
    """A manifest with a column of its own, chosen and merged on the command line."""
    data = run_folder / "simulated/study"
    rows = []
    for number, case in enumerate(sorted(data.glob("*/*"))):
        rows.append(
            {"case": case.name, "patient": case.name, "grade": 1 + number % 3,
             "other": "x" if number % 2 else "y",
             "flair": next(case.glob("*_flair*")), "mask": next(case.glob("*_seg*"))}
        )  # fmt: skip
    table = tmp_path / "manifest.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    code, out, _ = call(capsys, "inspect", table, "--label", "grade=3", "--fast", "-q", "--json")
    assert json.loads(out)["classes"] == {"grade=3": 3, "rest": 7}
    code, out, err = call(
        capsys, "inspect", table, "--label", "grade", "--merge", "low=1,2", "--merge", "high=3",
        "--fast", "-q", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["classes"] == {"high": 3, "low": 7}


def test_inspect_writes_a_contact_sheet(tmp_path, capsys):
    from rarecase import simulate_cohort

    data = simulate_cohort(
        tmp_path / "data", patients={"HGG": 2, "LGG": 2}, size=32, slices=6, seed=0
    )
    broken = next(data.glob("LGG/*/*_flair.nii.gz"))
    broken.write_bytes(broken.read_bytes()[:300])
    page = tmp_path / "sheet.html"
    code, out, _ = call(capsys, "inspect", data, "--channels", "flair", "--html", page)
    assert code == 1 and out.splitlines()[-1] == f"Page: {page}"
    words = page_words(page, above=tmp_path)
    for piece in ("Problems", "Cases", "Table", "2 HGG, 2 LGG", "Front on top"):
        assert piece in words, piece
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 3 and "not read" in text
    assert broken.parent.name in words
    code, _, err = call(capsys, "inspect", data, "--html", broken)
    assert code == 1 and f"{broken} is a file; expected FILE.html, or a folder" in err
    code, _, err = call(capsys, "inspect", data, "--html", page)
    assert code == 1 and f"{page} exists and was not touched" in err
    code, out, _ = call(capsys, "inspect", data, "--channels", "flair", "--fast")
    assert "no mask" not in out
