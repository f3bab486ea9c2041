import pytest
import yaml

from rarecase.errors import SettingError
from rarecase.pipeline.described import described, known_names
from rarecase.pipeline.presets import PRESETS
from rarecase.pipeline.resolve import (
    dump,
    parse_setting,
    parse_value,
    resolve,
)
from rarecase.pipeline.settings import Settings

MAPS = {"features": "bottleneck", "classifier": "cnn", "arms": ["acgan"]}


def test_the_papers_values_are_the_defaults():
    paper = resolve(preset="paper")
    assert paper.slices.size == 240
    assert (paper.segmenter.width, paper.segmenter.depth, paper.segmenter.norm) == (64, 4, "none")
    assert (paper.segmenter.epochs, paper.segmenter.batch) == (30, 10)
    assert (paper.segmenter.learning_rate, paper.segmenter.beta1) == (1e-5, 0.9)
    assert paper.segmenter.loss == "dice" and paper.segmenter.decay == "constant"
    assert (paper.generator.learning_rate, paper.generator.batch) == (0.002, 16)
    assert paper.generator.epochs == 50 and paper.generator.max_steps is None
    assert paper.split.kind == "holdout"
    first = paper.experiment[0]
    assert first.amounts[-1] == 4800 and first.planned == 1158
    assert (paper.classifier.epochs, paper.classifier.batch) == (20, 10)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_and_survives_yaml(name, tmp_path):
    settings = resolve(preset=name)
    (tmp_path / "study.yaml").write_text(dump(settings))
    assert resolve(preset=None, file=tmp_path / "study.yaml") == settings


def test_overrides_win_over_the_file_and_the_file_over_the_preset(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("segmenter: {epochs: 7, width: 8}\nsegmenter.batch: 3\n")
    settings = resolve(preset="quick", file=file, overrides={"segmenter.epochs": 9})
    assert settings.segmenter.epochs == 9
    assert settings.segmenter.width == 8
    assert settings.segmenter.batch == 3
    assert settings.segmenter.norm == "batch"  # the preset's


def test_dotted_and_nested_names_of_one_section_join(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("segmenter.epochs: 3\nsegmenter: {width: 8}\n")
    assert resolve(preset="quick", file=file).segmenter.epochs == 3


def test_settings_of_the_command_line_are_read_as_what_they_hold():
    assert parse_setting("cohort.label", "COC=1,2") == "COC=1,2"
    assert parse_setting("cohort.label", "2") == "2"
    assert parse_setting("classifier.channels", "64") == [64]
    assert parse_setting("tuning.shares", "1") == [1]
    assert parse_setting("experiment", "[{features: tumour}]") == [{"features": "tumour"}]
    assert parse_setting("pretrain.channels", "null") is None
    assert parse_setting("simulation.patients", "{HGG: 2}") == {"HGG": 2}
    assert parse_setting("segmenter.augment", "false") is False


def test_patients_are_replaced_as_a_whole():
    settings = resolve(preset="demo", overrides={"simulation.patients": {"HGG": 5}})
    assert settings.simulation.patients == {"HGG": 5}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"segmenter.epocs": 3}, r"setting 'segmenter\.epocs': did you mean 'segmenter\.epochs'"),
        ({"classifer.epochs": 3}, "Unknown setting 'classifer': did you mean 'classifier'"),
        ({"segmenter.epochs": "many"}, r"segmenter\.epochs: .*integer.*'many'"),
        ({"segmenter.epochs": 0}, r"segmenter\.epochs: .*greater than or equal to 1.*0"),
        ({"split.kind": "loo"}, r"split\.kind: .*'kfold', 'given', 'site' or 'holdout'"),
        ({"experiment": [{**MAPS, "amounts": [0, "lots"]}]}, r"amounts: .*25%.*'lots'"),
        ({"experiment": []}, r"experiment: .*at least 1 item"),
        ({"experiment": [{**MAPS, "arm": ["smote"]}]}, r"Unknown setting 'experiment\.arm'"),
        ({"sweep.amounts": [300]}, r"Unknown setting 'sweep'"),
        ({"tuning.shares": [0.0]}, r"tuning\.shares: .*greater than 0"),
        ({"slices.size": 100}, r"slices\.size is 100.*take 112"),
        ({"pretrain.cohort": "simulated", "segmenter.init": "m"}, "give one"),
        ({"seed.x": 1}, r"seed: .*integer"),
        ({"segmenter.coarse": 1.5}, r"segmenter\.coarse: .*less than 1"),
        ({"generator.widths": []}, r"generator\.widths: .*at least 1 item"),
        ({"protocol": "faithfull"}, "'sound' or 'faithful'"),
        ({"experiment": [{**MAPS, "features": "botleneck"}]}, "did you mean 'bottleneck'"),
        ({"experiment": [{**MAPS, "features": "dec5"}]}, "did you mean 'dec"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_with_a_way_out(override, message):
    with pytest.raises(SettingError, match=message):
        resolve(preset="quick", overrides=override)


def test_a_given_network_replaces_the_presets_pretraining():
    assert resolve(preset="paper").pretrain.cohort == "simulated"
    given = resolve(preset="paper", overrides={"segmenter.init": "m"})
    assert given.pretrain.cohort is None
    with pytest.raises(SettingError, match="give one"):
        resolve(preset="paper", overrides={"segmenter.init": "m", "pretrain.cohort": "simulated"})


def test_unknown_preset_and_broken_files(tmp_path):
    with pytest.raises(SettingError, match="did you mean 'quick'"):
        resolve(preset="quik")
    with pytest.raises(SettingError, match="cannot be read"):
        resolve(preset=None, file=tmp_path / "no.yaml")
    file = tmp_path / "bad.yaml"
    file.write_text("a: [1")
    with pytest.raises(SettingError, match="not valid YAML"):
        resolve(preset=None, file=file)
    file.write_text("- 1\n")
    with pytest.raises(SettingError, match="got a list"):
        resolve(preset=None, file=file)


def test_every_setting_is_explained():
    explained = {each.name: each.text for each in described(Settings())}
    assert set(explained) == set(known_names())
    assert all(explained.values())


def test_dump_is_plain_yaml():
    assert yaml.safe_load(dump(resolve(preset="demo")))["preset"] == "demo"


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("1e-5", 1e-5), ("true", True), ("null", None), ("a,b", ["a", "b"]),
     ("0,10,25%", [0, 10, "25%"]), ("{HGG: 3}", {"HGG": 3}), ("COC=2", "COC=2"), ("[", "[")],
)  # fmt: skip
def test_values_from_the_command_line(text, value):
    assert parse_value(text) == value


def test_where_the_network_starts_from_gives_way_to_what_the_user_wants():
    """A preset starts from the U-Net of the package: another architecture, other intensities, or
    pre-training of one's own, does without; asked for by name it stays, or is refused."""

    def start(**given):
        named = {name.replace("__", "."): value for name, value in given.items()}
        return resolve(preset="quick", overrides=named).segmenter.init

    assert start() == start(segmenter__width=16) == start(segmenter__epochs=3) == "pretrained"
    assert start(segmenter__width=8) == start(segmenter__dimensions=3) == "none"
    assert start(pretrain__cohort="simulated") == "none"
    assert start(segmenter__init="none") == "none"
    assert start(segmenter__init="pretrained", segmenter__width=8) == "pretrained"
    assert start(slices__normalise="cohort") == "none"
    with pytest.raises(SettingError, match="normalise is 'cohort': set"):
        start(slices__normalise="cohort", segmenter__init="pretrained")
    with pytest.raises(SettingError, match="give one"):
        start(segmenter__init="pretrained", pretrain__cohort="simulated")


def test_from_random_weights_the_preset_trains_longer():
    """Unless the user says how long: then it is so long, whatever it begins from."""
    shipped = PRESETS["quick"]["segmenter"]

    def scratch(**given):
        return resolve(
            preset="quick", overrides={f"segmenter.{n}": v for n, v in given.items()}
        ).segmenter.from_scratch()

    assert scratch().epochs == shipped["scratch"]["epochs"] > shipped["epochs"]
    assert scratch().layer_decay == 1
    assert scratch(epochs=2).epochs == 2 and scratch(epochs=2).coarse == scratch().coarse
    assert scratch(learning_rate=0.5).learning_rate == 0.5


def test_an_arm_of_copies_needs_slices_on_a_scale_of_each_case():
    wanted = {"experiment": [{"features": "tumour", "classifier": "lda", "arms": ["augmentation"]}]}
    assert resolve(preset="quick", overrides=wanted)
    with pytest.raises(SettingError, match=r"arm 'augmentation' .* set slices\.normalise=tissue"):
        resolve(preset="quick", overrides=wanted | {"slices.normalise": "cohort"})


def test_masks_that_are_not_used_need_somebody_who_draws_them():
    assert resolve(preset="quick", overrides={"tuning.masks": "none"})
    with pytest.raises(SettingError, match=r"tuning\.masks=none leaves no mask"):
        resolve(preset="quick", overrides={"tuning.masks": "none", "segmenter.init": "none"})


def test_one_part_is_no_cross_fit():
    with pytest.raises(SettingError, match=r"segmenter\.cross_fit: .* leaves nobody to learn from"):
        resolve(preset="quick", overrides={"segmenter.cross_fit": 1})
