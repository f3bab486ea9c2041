"""The structure that is kept: no file over 300 lines, no function over 60, imports point down.

python tools/structure.py [--totals]
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "rarecase"
PACKAGES = [
    "imaging", "cohort", "simulate", "segmenter", "features", "generators", "charts",
    "evidence", "experiment", "deploy", "pipeline", "report", "cli",
]  # fmt: skip
"""From the bottom up; files beside them are below all, but for the faces at the top."""
FACES = {"__init__.py", "__main__.py", "study.py"}
FILE, FUNCTION = 300, 60


def package_of(path: Path) -> int:
    """The height of a file: the place of its package, −1 below all, above all for a face."""
    part = path.relative_to(ROOT).parts[0]
    if part in PACKAGES:
        return PACKAGES.index(part)
    return len(PACKAGES) if part in FACES else -1


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Lines and packages that a file imports from, wherever it does."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "rarecase" and len(parts) > 1 and parts[1] in PACKAGES:
                yield node.lineno, parts[1]


def faults_of(path: Path) -> Iterator[str]:
    """What a file does against the structure."""
    text, name = path.read_text(), path.relative_to(ROOT.parent.parent)
    tree, length = ast.parse(text), len(text.splitlines())
    if length > FILE:
        yield f"{name}: {length} lines; at most {FILE}: split it by ideas."
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {lines} lines; at most {FUNCTION}."
    for line, package in imported(tree):
        if PACKAGES.index(package) > package_of(path):
            yield f"{name}:{line}: imports from {package}, which stands above it."


def code_lines(text: str) -> int:
    """Lines that are neither blank nor comment nor string by itself (docstrings)."""
    strings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else ():
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                strings |= set(range(each.lineno, (each.end_lineno or each.lineno) + 1))
    return sum(
        1
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#") and number not in strings
    )


def totals(paths: list[Path]) -> str:
    """Lines, and lines of code, of every package."""
    found: dict[str, list[int]] = {}
    for path in paths:
        part = path.relative_to(ROOT).parts[0]
        mine = found.setdefault(part if part in PACKAGES else "(base)", [0, 0])
        text = path.read_text()
        mine[0] += len(text.splitlines())
        mine[1] += code_lines(text)
    whole = [sum(each[i] for each in found.values()) for i in (0, 1)]
    rows = [*sorted(found.items()), ("all", whole)]
    return "\n".join(f"{name:12} {lines:7,} {code:7,}" for name, (lines, code) in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--totals", action="store_true", help="lines and lines of code by package")
    args = parser.parse_args()
    paths = sorted(ROOT.rglob("*.py"))
    if args.totals:
        print(totals(paths))
    faults = [fault for path in paths for fault in faults_of(path)]
    print("\n".join(faults) or f"Structure kept: {len(paths)} files.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
