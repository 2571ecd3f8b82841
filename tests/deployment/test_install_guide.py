"""The install guide as text: blocks say how they are tested, languages agree, no promise is missing."""

import re
import subprocess
from pathlib import Path

import pytest

from robotsim_project.environment import BASE_DIR
from tests.deployment import guide
from tests.deployment.guide_promises import FILES, PROMISES, VARIABLES

PAGES = (guide.ENGLISH, guide.KOREAN)
READMES = (BASE_DIR / "README.md", BASE_DIR / "README.ko.md")
PLACEHOLDERS = {
    "<repository-url>",
    "<PID>",
    "<pod-name>",
    "<app>",
    "<number>",
    "<class>",
    "<revision>",
}
MAPPED = {"make demo": "test_main_job.py"}
"""Kinds of blocks that other tests run."""
ROW = re.compile(r"^\| (\d[\d.]*) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)


def rows(page: Path) -> list[tuple[str, str, str, str]]:
    """The table of promises: section, promise, what it is here, what checks it."""
    return ROW.findall(guide.prose(page).rpartition("\n## 11.")[2])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_says_how_it_is_tested(page: Path) -> None:
    assert {block.kind for block in guide.blocks(page)} <= set(guide.CLASSES)
    fences = re.findall(r"^\s*```", page.read_text(), re.MULTILINE)
    assert len(fences) == 2 * len(guide.blocks(page)), "a fence that is not closed, or indented"


def test_both_languages_have_the_same_blocks_and_headings() -> None:
    assert guide.blocks(guide.KOREAN) == guide.blocks(guide.ENGLISH)
    english, korean = (guide.headings(page) for page in PAGES)
    numbers = [re.findall(r"^#+(?: [\d.]+)?", heading) for heading in english]
    assert [re.findall(r"^#+(?: [\d.]+)?", heading) for heading in korean] == numbers


def test_both_languages_name_the_same_things() -> None:
    """Commands, files and settings between back quotes are not translated."""
    english, korean = (sorted(set(guide.spans(page))) for page in PAGES)
    assert korean == english
    assert [[section, *files(by)] for section, _, _, by in rows(guide.KOREAN)] == [
        [section, *files(by)] for section, _, _, by in rows(guide.ENGLISH)
    ]


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = guide.prose(page)
    made = {anchor(heading) for heading in guide.headings(page)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("https://"):
            path, _sign, place = target.partition("#")
            assert (page.parent / path).exists(), target
            assert path or place in made, target


def anchor(heading: str) -> str:
    """Return GitHub's anchor of a heading."""
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def test_the_shell_can_read_every_block() -> None:
    for block in guide.blocks():
        if block.kind.startswith("sh "):
            filled = re.sub(r"<[\w-]+>", "filled-in", block.text)
            done = subprocess.run(
                ["bash", "-n"], input=filled, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{done.stderr}\n{block.text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_reader_fills_in_is_known(page: Path) -> None:
    places = [block.text for block in guide.blocks(page)] + guide.spans(page)
    found = {name for text in places for name in re.findall(r"<[\w-]+>", text)}
    assert found == PLACEHOLDERS


@pytest.mark.parametrize(("section", "printed", "ours"), PROMISES)
def test_each_command_of_the_earlier_guide_has_its_own_here(
    section: str, printed: str, ours: str | None
) -> None:
    if ours != "":
        have = {line for block in guide.blocks() for line in block.commands()} | set(guide.spans())
        assert (printed if ours is None else ours) in have, section
    assert section.partition(".")[0] in {row[0].partition(".")[0] for row in rows(guide.ENGLISH)}


def test_the_environment_is_that_of_the_earlier_guide() -> None:
    (block,) = [block for block in guide.blocks() if block.kind == "env"]
    assert tuple(line.partition("=")[0] for line in block.commands()) == VARIABLES


def test_the_tree_of_files_is_that_of_the_folder() -> None:
    (tree,) = [block.text for block in guide.blocks() if block.text.startswith("k8s/\n")]
    listed = re.findall(r"^[├└]── (\S+)", tree, re.MULTILINE)
    assert set(FILES) <= set(listed)
    for name in listed:
        assert (BASE_DIR / "k8s" / name).exists(), name
    folder = {path.name for path in (BASE_DIR / "k8s").glob("[!.]*")} - {"README.md"}
    assert {name.partition("/")[0] for name in listed} == folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_table_of_promises_names_is_there(page: Path) -> None:
    table = rows(page)
    assert {section for section, *_ in PROMISES} <= {section for section, *_ in table} | {"9.1"}
    tests = {path.name for path in BASE_DIR.glob("[!.]*/**/test_*.py")}
    for _section, _promise, _here, by in table:
        for name in files(by):
            assert name in tests or (BASE_DIR / name).exists(), name


def files(cell: str) -> list[str]:
    return [name for name in re.findall(r"`([^`]+)`", cell) if re.search(r"\.(py|yml)$", name)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_in_the_text_exist(page: Path) -> None:
    for span in guide.spans(page):
        if re.fullmatch(r"(k8s|robotsim_project|overlays|components|\.github)/[\w./-]+", span):
            below = BASE_DIR / "k8s" if span.startswith(("overlays", "components")) else BASE_DIR
            assert (below / span).exists(), span


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_map_of_folders_is_that_of_the_project(page: Path) -> None:
    text = page.read_text().rpartition("\n## ")[2]
    names = {name for row in re.findall(r"^\| (`.+?) \|", text, re.M) for name in spans_of(row)}
    assert all((BASE_DIR / name).exists() for name in names), names
    rooms = {path.parent.name + "/" for path in BASE_DIR.glob("[!.]*/__init__.py")}
    assert rooms | {"k8s/", "scripts/", "docs/", "install.sh", "restore.sh"} <= names


def spans_of(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_what_is_mapped_is_run_elsewhere() -> None:
    for command, name in MAPPED.items():
        assert command in guide.commands("run")
        text = (BASE_DIR / "tests" / "system" / name).read_text()
        assert f'"{command.partition(" ")[2]}"' in text
