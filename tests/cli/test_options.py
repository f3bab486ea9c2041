"""Options are shown, and taken, only where they change something."""

import pytest

from rarecase.cli.main import COMMANDS, build_parser, main


def shown(command: str) -> str:
    """The help of a command, less its examples."""
    commands = next(a for a in build_parser()._actions if a.dest == "command").choices
    commands[command].epilog = None
    return commands[command].format_help()


def test_help_shows_options_where_they_do_something():
    for command in ("arms", "blocks", "settings", "inspect"):
        text = shown(command)
        for option in ("--out", "--arms", "--seed", "--device", "--primary", "--keep-features"):
            assert option not in text, (command, option)
    assert "--segmenter" not in shown("arms") and "--config" in shown("blocks")
    for command in COMMANDS:
        assert ("--quiet" in shown(command.name)) == command.progress
    assert "--clinical" not in shown("inspect") and "--label" in shown("inspect")


NETWORK = ("extract", "DATA", "--network", "torchvision.models:resnet18")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("extract", "DATA", "--out", "run", "--block", "layer3"), "--block"),
        (("extract", "DATA", "--out", "run", "--pool", "mean"), "--pool"),
        (("extract", "DATA", "--list-blocks"), "--list-blocks"),
        ((*NETWORK, "--arms", "smote"), "--arms"),
        ((*NETWORK, "--cluster", "local"), "--cluster"),
        ((*NETWORK, "--margin", "0.1"), "--margin"),
        ((*NETWORK, "--combat"), "--combat"),
        ((*NETWORK, "--list-blocks", "--pool", "mean"), "--pool"),
        ((*NETWORK, "--list-blocks", "--generator.epochs", "3"), "--generator.epochs"),
        (("run", "DATA", "--out", "run", "--dry-run", "--cluster", "local"), "--cluster"),
        (("compare", "features.csv", "--label", "a", "--auc", "0.8"), "--auc"),
        (("compare", "features.csv", "--label", "a", "--plan", "--out", "x"), "--out"),
        (("compare", "features.csv", "--label", "a", "--plan", "--scarcity"), "--scarcity"),
        (("compare", "features.csv", "--label", "a", "--plan", "--html", "x"), "--html"),
        (("evaluate", "RUN", "--html", "x.html"), "--html"),
        (("evaluate", "RUN", "--label", "Grade"), "--label"),
        (("evaluate", "RUN", "--name", "x"), "--name"),
        (("evaluate", "RUN", "--on", "DATA", "--margin", "0.1"), "--margin"),
        (("evaluate", "RUN", "--on", "DATA", "--groups", "patient"), "--groups"),
        (("evaluate", "GRADES", "--on", "other.csv", "--channels", "flair"), "--channels"),
        (("simulate", "new", "--varied", "--separability", "0.5"), "--separability"),
    ],
)  # fmt: skip
def test_what_would_change_nothing_is_refused(words, option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("RUN", "GRADES"):
        (tmp_path / folder).mkdir()
        for name in ("predictions.parquet", "evidence.json"):
            (tmp_path / folder / name).touch()
    (tmp_path / "GRADES" / "compare.json").touch()
    assert main([*words]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"rarecase: {option} "), said
