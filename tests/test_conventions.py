"""The house rules that no linter knows. Each test names the file and line it does not like."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import texts
from dialogs import registry
from domain.tickets import Status
from tests.support.chat import Scenario, scenario_files

ROOT = Path(__file__).parent.parent
ROOMS = ("bot", "classifier", "dialogs", "domain", "scheduler", "services", "storage", "texts")
CHINESE = re.compile(r"[\u3400-\u9fff]")  # characters; punctuation and digits are nobody's words
NAME = "邻里"
TEXT_KEY = re.compile(rf"^({'|'.join(texts.files())})\.[a-z0-9_]+$")
SAYING = {"say", "options", "words", "pattern"}
LOGGING = {"debug", "info", "warning", "error", "critical", "exception", "log"}
PERSONAL = {"text", "texts", "name", "title", "phone", "words", "sender", "note"}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the rooms, by its path from the root."""
    files = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the last part of the name that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func
            yield name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", ""), node


def literals(tree: ast.AST) -> Iterator[tuple[ast.Constant, str]]:
    """The string literals, with what they say, that are no docstrings and no examples in the help of a command."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    bare |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "epilog"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node, node.value


def report(breaches: list[str], rule: str) -> None:
    assert not breaches, "\n  ".join((rule, *breaches))


def test_only_the_database_commits() -> None:
    found = [
        f"{path}:{call.lineno}"
        for path, tree in modules().items()
        for name, call in calls(tree)
        if name == "commit" and path != "storage/database.py"
    ]
    report(found, "a turn is one transaction; only storage/database.py commits:")


def test_chinese_stands_in_texts() -> None:
    found = [
        f"{path}:{literal.lineno} {said[:20]!r}"
        for path, tree in modules().items()
        if not path.startswith("texts/")
        for literal, said in literals(tree)
        if CHINESE.search(said.replace(NAME, ""))
    ]
    report(found, "what people read or type stands in texts/ or a data file, not in code:")


@pytest.mark.parametrize("room", ROOMS)
def test_modules_and_functions_are_short(room: str) -> None:
    found = []
    for path, tree in modules().items():
        if not path.startswith(f"{room}/") or "/migrations/versions/" in path:
            continue
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        if lines > 400:
            found.append(f"{path}: {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 60:
                    found.append(f"{path}:{node.lineno} {node.name}: {length} lines")
    report(found, "a module has at most 400 lines, a function 60:")


def test_files_are_nouns_by_feature() -> None:
    found = [
        str(file.relative_to(ROOT))
        for folder in (*ROOMS, "tests")
        for file in (ROOT / folder).rglob("*.py")
        if re.fullmatch(r"(utils?|helpers?|managers?|misc|common)", file.stem)
    ]
    report(found, "a file is named after what it is about:")


def test_logs_name_nobody() -> None:
    found = []
    for path, tree in modules().items():
        for name, call in calls(tree):
            caller = call.func.value if isinstance(call.func, ast.Attribute) else None
            if name not in LOGGING or not isinstance(caller, ast.Name) or caller.id not in {"log", "logging"}:
                continue
            for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                parts = [node.attr for node in ast.walk(argument) if isinstance(node, ast.Attribute)]
                parts += [node.id for node in ast.walk(argument) if isinstance(node, ast.Name)]
                found += [f"{path}:{call.lineno} {part}" for part in parts if part in PERSONAL]
    report(found, "logs carry ids, never names or words:")


def test_database_errors_hide_their_values() -> None:
    """A logged error of the database would otherwise quote what a resident wrote."""
    found = []
    for path, tree in modules().items():
        for _, call in calls(tree):
            named = [call.func, *call.args]
            engine = any(isinstance(node, ast.Name) and re.search(r"create.*_engine$", node.id) for node in named)
            if engine and "hide_parameters" not in {keyword.arg for keyword in call.keywords}:
                found.append(f"{path}:{call.lineno}")
    report(found, "an engine is made with hide_parameters=True, so that no log quotes a resident:")


# --- texts ----------------------------------------------------------------------------------------------------------


def text_keys() -> set[str]:
    return {f"{file}.{name}" for file in texts.files() for name in texts.catalogue(file)}


@cache
def named_keys() -> dict[str, str]:
    """Text keys that stand whole in the code, with the place of one."""
    found = {}
    for path, tree in modules().items():
        asked = {id(node) for call in saying(path) for node in ast.walk(call.args[0])}
        begun = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for literal, key in literals(tree):
            if TEXT_KEY.match(key) and id(literal) not in begun and (id(literal) in asked or key not in registry.FLOWS):
                found[key] = f"{path}:{literal.lineno}"
    return found


@cache
def prefixes() -> dict[str, str]:
    """Beginnings of text keys that the code completes (f"tickets.progress_{…}"), with the place of one."""
    found = {}
    for path in modules():
        for call in saying(path):
            first = call.args[0]
            if isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
                found[str(first.values[0].value)] = f"{path}:{call.lineno}"
    return found


@cache
def saying(path: str) -> tuple[ast.Call, ...]:
    """Calls that fetch a text, and refusals."""
    tree = modules()[path]
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "texts"
        for alias in node.names
    }
    asked = (SAYING & taken) | {"Refusal"}
    return tuple(
        call for _, call in calls(tree) if call.args and isinstance(call.func, ast.Name) and call.func.id in asked
    )


def test_texts_used_exist() -> None:
    known = text_keys()
    found = [f"{place} {key}" for key, place in named_keys().items() if key not in known]
    found += [
        f"{place} {prefix}…" for prefix, place in prefixes().items() if not any(key.startswith(prefix) for key in known)
    ]
    report(found, "a text that the code says stands in texts/zh_CN:")


def test_texts_written_are_used() -> None:
    """A key is used where it stands whole, or where a prefix is completed by a word that the code or lexicon knows."""
    said = {word for tree in modules().values() for _, word in literals(tree)}
    for file in (ROOT / "classifier" / "lexicon").glob("*.toml"):
        said |= set(re.findall(r"[a-z_]+", file.read_text(encoding="utf-8")))
    found = [
        key
        for key in sorted(text_keys() - set(named_keys()))
        if not any(key.startswith(prefix) and key.removeprefix(prefix) in said for prefix in prefixes())
    ]
    report(found, "a text that nothing says is taken out of texts/zh_CN:")


def test_texts_get_their_fields() -> None:
    """`say("key", a=…)` fills every field of the text; calls with `**facts` are left to the scenarios."""
    found, known = [], text_keys()
    for path in modules():
        for call in saying(path):
            given = {keyword.arg for keyword in call.keywords}
            key = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
            if getattr(call.func, "id", "") not in {"say", "Refusal"} or None in given or key not in known:
                continue
            file, name = str(key).split(".")
            needed = set(re.findall(r"\{(\w+)\}", str(texts.catalogue(file)[name]))) - given
            found += [f"{path}:{call.lineno} {key} needs {field}" for field in sorted(map(str, needed))]
    report(found, "a text is given every field it shows:")


def test_every_state_and_danger_has_its_words() -> None:
    rules = tomllib.loads((ROOT / "classifier/lexicon/urgent.toml").read_text(encoding="utf-8"))["rules"]
    wanted = {f"tickets.progress_{status.value}" for status in Status} | {f"cards.{rule['danger']}" for rule in rules}
    report(sorted(wanted - text_keys()), "each state of a ticket and each danger has a text:")


# --- features and scenarios -----------------------------------------------------------------------------------------

# Dialogs with rules of their own; help has none.
FEATURES = sorted(
    {file.stem for file in (ROOT / "domain").glob("*.py")} & {flow.split(".")[0] for flow in registry.FLOWS}
)


def test_there_are_features() -> None:
    assert "tickets" in FEATURES


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_has_the_same_name_in_every_room(feature: str) -> None:
    wanted = [f"{room}/{feature}.py" for room in ("domain", "services", "storage", "dialogs")]
    wanted.append(f"texts/zh_CN/{feature}.toml")
    report([path for path in wanted if not (ROOT / path).exists()], f"{feature} stands in every room:")


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_has_its_scenarios(feature: str) -> None:
    """With buttons and without is a matter of tests/test_scenarios.py, which runs each both ways."""
    cases = ("happy", "refused", "double_tap", "restart", "outsider")
    there = {file.stem for file in scenario_files()}
    report([case for case in cases if f"{feature.rstrip('s')}_{case}" not in there], f"{feature} lacks a scenario:")


@pytest.mark.parametrize("path", scenario_files(), ids=lambda path: path.stem)
def test_scenarios_parse(path: Path) -> None:
    scenario = Scenario.__new__(Scenario)  # the reader alone: no bot, no database
    scenario.source = path.read_text(encoding="utf-8").splitlines()
    steps = scenario._steps()
    assert scenario.source[0].startswith("# "), f"{path.name}:1 begins with a comment that says what it shows"
    assert any(not isinstance(step, str) for step in steps), f"{path.name}: nobody speaks"
    directions = [step for step in steps if isinstance(step, str)]
    known = re.compile(r"重启|再来一次|\d+ ?(秒|分钟|小时|天)后|([01]?\d|2[0-3]):[0-5]\d")
    report([step for step in directions if not known.fullmatch(step)], f"{path.name}: no such direction:")
