"""The rules of the house that a machine can check, over the source as it stands."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BOT = Path(__file__).parents[1] / "bot"
TESTS = Path(__file__).parent
# The demo repository's own code is nobody's import here.
TEMPLATE = BOT / "grace/demo/template"

MAX_LINES = 400
PURE = frozenset({"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "rfc8785"})
YAML_PARSER = "grace.domain.contract"
BANNED_ENDINGS = ("Manager", "Engine", "Service", "Helper", "Helpers", "Utils", "Util")
# Standard modules through which the world gets in: clocks, randomness, files, processes, network.
WORLDLY = frozenset(
    [
        "asyncio",
        "concurrent",
        "fcntl",
        "ftplib",
        "getpass",
        "glob",
        "http",
        "importlib",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "pickle",
        "platform",
        "random",
        "secrets",
        "select",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
        "zoneinfo",
    ]
)
# Pure parts of such modules. A UUID is a value; `uuid4` is caught as a call.
# The zones of the time zone database are constants.
PURE_NAMES = {
    "uuid": {"UUID", "uuid5"},
    "urllib": {"parse"},
    "urllib.parse": None,
    "zoneinfo": {"ZoneInfo"},
}
IMPURE_CALLS = frozenset(
    {
        "open",
        "input",
        "print",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "uuid4",
        "uuid1",
        "uuid.uuid4",
        "uuid.uuid1",
        "eval",
        "exec",
        "__import__",
    }
)


def sources(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*.py") if not p.is_relative_to(TEMPLATE))


def module_of(path: Path) -> str:
    parts = path.relative_to(BOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every import of a module, wherever in it: the module, and the names taken from it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, ()) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield str(module), tuple(alias.name for alias in names)
            case ast.ImportFrom():
                raise AssertionError(f"{path}: relative import; write the whole name")


def part_of(module: str) -> str:
    """Name the part of the layout that a module of ours belongs to: `domain`, `ports`, ..."""
    return module.split(".")[1] if "." in module else ""


def adapter_of(module: str) -> str:
    """Name the adapter that a module belongs to."""
    parts = module.split(".")
    return parts[2] if len(parts) > 2 else ""


MAY_IMPORT = {
    "domain": {"domain"},
    "ports": {"domain", "ports"},
    "adapters": {"domain", "ports", "adapters"},
    "app": {"domain", "ports", "app"},
    "web": {"domain", "ports", "web"},
    "localforge": {"localforge"},
    "ci": {"domain", "ci", "sandbox", "agents"},
    "sandbox": {"domain", "sandbox"},
    "repair": {"domain", "repair", "sandbox"},
    "agents": {"domain", "agents", "repair", "sandbox"},
    "runner": {"domain", "runner", "sandbox"},
    "setup": {"domain", "ports", "adapters", "setup"},
}
# Where everything is put together, and what starts it.
ROOTS = {
    "grace.app.bootstrap": {"domain", "ports", "adapters", "app", "web", "config"},
    "grace.app.inlets": {"domain", "ports", "adapters", "app", "web"},
    "grace.ci.cli_observe": {"domain", "ci", "adapters"},
    "grace.ci.waiver_file": {"domain", "ci", "adapters"},
    "grace.ci.cli_patch": {"domain", "ci", "adapters"},
}


def wrong_import(importer: str, imported: str) -> str | None:
    """Say which rule an import of one module of ours by another breaks."""
    mine, theirs = part_of(importer), part_of(imported)
    if not theirs or mine in {"cli", "demo"} | {""}:
        return None
    if mine == "adapters" == theirs and adapter_of(importer) != adapter_of(imported):
        return f"{importer} imports another adapter, {imported}"
    root = "grace.app.bootstrap" if importer.startswith("grace.app.bootstrap.") else importer
    allowed = ROOTS.get(root, MAY_IMPORT.get(mine))
    if allowed is None:
        return f"{importer} is in no known part of the layout"
    return None if theirs in allowed else f"{importer} imports {imported}"


def ours(path: Path) -> Iterator[str]:
    """List the modules of ours that a file imports; `from grace.x import y` may mean `grace.x.y`."""
    for module, names in imports(path):
        if module.split(".")[0] != "grace":
            continue
        for name in names or ("",):
            submodule = BOT / f"{module}.{name}".replace(".", "/")
            is_module = submodule.with_suffix(".py").exists() or submodule.is_dir()
            yield f"{module}.{name}" if name and is_module else module


def test_imports_run_one_way():
    found = [
        told
        for path in sources(BOT)
        for imported in ours(path)
        if (told := wrong_import(module_of(path), imported))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("importer", "imported", "right"),
    [
        ("grace.domain.lifecycle", "grace.domain.package", True),
        ("grace.domain.lifecycle", "grace.ports", False),
        ("grace.ports", "grace.domain.package", True),
        ("grace.ports", "grace.adapters.store", False),
        ("grace.adapters.git.patch", "grace.adapters.git.paths", True),
        ("grace.adapters.git.patch", "grace.adapters.keys", False),
        ("grace.adapters.keys", "grace.app.settings", False),
        ("grace.app.worker", "grace.adapters.keys", False),
        ("grace.app.bootstrap", "grace.adapters.keys", True),
        ("grace.web.hooks", "grace.app.worker", False),
        ("grace.localforge.core", "grace.domain.package", False),
        ("grace.cli.main", "grace.app.bootstrap", True),
        ("grace.unheard_of.x", "grace.domain.package", False),
    ],
)
def test_the_import_rule_itself(importer, imported, right):
    assert (wrong_import(importer, imported) is None) is right


def test_the_core_imports_only_what_is_pure():
    found = []
    for path in sources(BOT / "grace/domain"):
        for module, names in imports(path):
            top = module.split(".")[0]
            if top in PURE | {"grace"} or (top == "yaml" and module_of(path) == YAML_PARSER):
                continue
            pure = PURE_NAMES.get(module, set())
            impure = top in WORLDLY and pure is not None and not (names and set(names) <= pure)
            if impure or top not in sys.stdlib_module_names:
                found.append(f"{path.relative_to(BOT)} imports {module} {' '.join(names)}".strip())
    assert found == []


def called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return f"{owner}.{name}"
        case _:
            return ""


def test_the_core_calls_nothing_that_reads_the_world():
    found = [
        f"{path.relative_to(BOT)}:{node.lineno} calls {called(node)}"
        for path in sources(BOT / "grace/domain")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and called(node) in IMPURE_CALLS
    ]
    assert found == []


def test_no_file_is_longer_than_400_lines():
    lengths = {
        str(path): len(path.read_text("utf-8").splitlines())
        for root in (BOT, TESTS)
        for path in sources(root)
    }
    assert {path: n for path, n in lengths.items() if n > MAX_LINES} == {}


def test_names_say_what_a_class_is():
    found = [
        f"{path.relative_to(BOT)}:{node.lineno} {node.name}"
        for path in sources(BOT)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and (node.name.endswith(BANNED_ENDINGS) or "Elite" in node.name)
    ]
    assert found == []


def test_no_test_patches_what_it_tests():
    found = [
        f"{path}: {module}"
        for path in sources(TESTS)
        for module, names in imports(path)
        if module.startswith(("unittest.mock", "mock"))
        or (module == "unittest" and "mock" in names)
    ]
    assert found == []


def test_the_rules_see_the_source():
    modules = {module_of(path) for path in sources(BOT)}
    assert {"grace", "grace.ports", "grace.domain.package", "grace.localforge"} <= modules
    assert not any("trigger_mesh" in module for module in modules)
