"""The agent `bump`: what texts say of versions, where they are declared, and how they are moved."""

import hashlib
import json
import sys
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from grace.agents import AgentError, run_agent
from grace.agents.needs import needs_in
from grace.agents.releases import Releases, at_index, in_folder
from grace.agents.requirements import declared_in, edit
from grace.domain.agents import Agent, Builtin
from grace.domain.proposals import Refusal
from support.agent_places import place, repository, task

KNOWN = ("leaf", "Big.Tree", "requests")
TEST = "python -c 'import leaf; leaf.green()'"


@pytest.mark.parametrize(
    ("text", "name", "versions"),
    [
        ("app 1.0 requires leaf>=2,<3, but you have leaf 1.5 which is incompatible.", "leaf", "<3,>=2"),
        ("pkg_resources.VersionConflict: (leaf 1.0 (/x), Requirement.parse('leaf[a]>=2'))", "leaf", ">=2"),
        ("It needs `big-tree>=1.2` since Monday.", "big-tree", ">=1.2"),
        ("ERROR: No matching distribution found for leaf==9.9", "leaf", "!=9.9"),
        ("Could not find a version that satisfies the requirement leaf==9.9 (from versions: 1)", "leaf", "!=9.9"),
        ("Please pin leaf to 1.4", "leaf", "==1.4"),
        ("downgrade `leaf` to v1.4.2", "leaf", "==1.4.2"),
        ("leaf 2.0 broke the build", "leaf", "<2.0"),
        ("Since leaf==2.0.1 removed it, nothing works", "leaf", "<2.0.1"),
        ("ImportError: cannot import name 'green' from 'leaf.colours' (/x.py)", "leaf", None),
        ("AttributeError: module 'leaf' has no attribute 'green'", "leaf", None),
    ],
)  # fmt: skip
def test_a_text_names_a_version(text, name, versions):
    (need,) = needs_in(text, KNOWN)
    assert (need.name, need.versions and str(need.versions)) == (name, versions)


@pytest.mark.parametrize(
    "text",
    [
        "It needs evil>=1.0",
        "ModuleNotFoundError: No module named 'leaf'",
        "leaf is broken",
        "It requires leaf >= banana",
        "pip install evil==1.0; downgrade evil to 1.0",
    ],
)
def test_no_name_and_no_version_is_guessed(text):
    assert needs_in(text, KNOWN) == ()


FILES = {
    "requirements.txt": "# pinned\nleaf==2.0  # why\nother>=1\nleaf-x==2.0\nhttps://x/leaf.whl\n",
    "requirements-dev.txt": "Leaf[a,b] >= 1.0 ; python_version > '3'\n-r requirements.txt\n",
    "requirements.lock": (
        "leaf==2.0 \\\n    --hash=sha256:" + "a" * 64 + " \\\n    --hash=sha256:" + "b" * 64 + "\n"
        "other==1.0 --hash=sha256:" + "c" * 64 + "\n"
    ),
    "pyproject.toml": (
        '[project]\nname = "leaf-user"\nkeywords = ["leaf"]\ndependencies = [\n'
        '    "leaf>=1,!=1.5", # here\n    "other",\n]\n[project.optional-dependencies]\n'
        'more = ["leaf[x]==2.0"]\n[tool.x]\nleaf = ["leaf==2.0"]\n'
    ),
}


def test_every_place_that_declares_it_is_changed_and_nothing_else(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    places = [each for each in declared_in(tmp_path) if each.name == "leaf"]
    edit(tmp_path, places, Version("1.4"), SpecifierSet("<2"), ["sha256:" + "d" * 64])
    after = {name: (tmp_path / name).read_text() for name in FILES}
    assert after == {
        "requirements.txt": FILES["requirements.txt"].replace("leaf==2.0  #", "leaf==1.4  #"),
        "requirements-dev.txt": FILES["requirements-dev.txt"].replace(" >= 1.0", ">=1.0,<2"),
        "requirements.lock": (
            "leaf==1.4 \\\n    --hash=sha256:" + "d" * 64 + "\n"
            "other==1.0 --hash=sha256:" + "c" * 64 + "\n"
        ),
        "pyproject.toml": FILES["pyproject.toml"]
        .replace('"leaf>=1,!=1.5"', '"leaf>=1,!=1.5,<2"')
        .replace('more = ["leaf[x]==2.0"]', 'more = ["leaf[x]==1.4"]'),
    }


def test_a_range_that_excludes_the_need_is_moved(tmp_path):
    (tmp_path / "requirements.txt").write_text("leaf<2\r\nother\r\n", newline="")
    edit(tmp_path, declared_in(tmp_path)[:1], Version("2.1"), SpecifierSet(">=2"), [])
    assert (tmp_path / "requirements.txt").read_bytes() == b"leaf>=2\r\nother\r\n"


def wheel(folder: Path, version: str, code: str) -> str:
    """Make a wheel of `leaf` by hand, and return its digest."""
    info = f"leaf-{version}.dist-info"
    files = {
        "leaf.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: leaf\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    path = folder / f"leaf-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    good, bad = "def green():\n    pass\n", "x = 1\n"
    digests = {v: wheel(folder, v, c) for v, c in (("1.3", bad), ("1.4", good), ("2.0", bad))}
    (folder / "notes.txt").write_text("x")
    return folder, digests


@contextmanager
def index(folder: Path, digests: dict[str, str], *, json_api: bool):
    """Serve a simple index of the wheels, over the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[-1]
            kind, body = "text/html", b""
            if name.endswith(".whl"):
                body = (folder / name).read_bytes()
            elif self.path == "/simple/leaf/":
                kind, body = self.listed()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def listed(self) -> tuple[str, bytes]:
            files = [(f"leaf-{v}-py3-none-any.whl", d) for v, d in digests.items()]
            if json_api:
                told = [
                    {
                        "filename": n,
                        "url": f"/files/{n}",
                        "hashes": {"sha256": d[7:]},
                        "yanked": "2.0" in n,
                    }
                    for n, d in files
                ]
                body = {"meta": {"api-version": "1.0"}, "name": "leaf", "files": told}
                return "application/vnd.pypi.simple.v1+json", json.dumps(body).encode()
            links = (
                f'<a href="/files/{n}#{d.replace(":", "=")}" data-requires-python="&gt;=3">{n}</a>'
                for n, d in files
            )
            return "text/html", "".join((*links, '<a href="leaf-x.zip">?</a>')).encode()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("json_api", [False, True])
def test_an_index_tells_versions_and_digests(wheels, json_api):
    folder, digests = wheels
    with index(folder, digests, json_api=json_api) as url:
        found = Releases.of(at_index(url, "leaf"), "3.11.7")
        with pytest.raises(AgentError, match="404 for other"):
            list(at_index(url, "other"))
    newest = ["1.4", "1.3"] if json_api else ["2.0", "1.4", "1.3"]
    assert [str(version) for version in found.versions()] == newest
    assert found.digests(Version("1.4")) == (digests["1.4"],)
    same = Releases.of(in_folder(folder, "leaf"), "3.11.7")
    assert same.digests(Version("1.4")) == (digests["1.4"],)


def run(root, symptom, wheels=None, network=False, test=TEST, **more):
    base = repository(root, {"requirements.txt": "leaf==2.0\n", "app.py": "import leaf\n"} | more)
    own = place(root, test, wheels=wheels and wheels[0], path=(Path(sys.executable).parent,))
    agent = Agent(name="bump", builtin=Builtin.BUMP, minutes=1, network=network)
    return run_agent(task(base, "bump", symptom=symptom), agent, own)


def test_a_dependency_is_moved_with_its_digests_and_tried(tmp_path, wheels):
    lock = "leaf==2.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"
    proposal = run(tmp_path / "r", "leaf 2.0 broke it", wheels, **{"requirements.lock": lock})
    assert "-leaf==2.0\n+leaf==1.4\n" in proposal.diff
    assert f"+    --hash={wheels[1]['1.4']}\n" in proposal.diff
    assert proposal.plausible is True
    assert "Moves leaf from 2.0 to 1.4 in requirements.lock, requirements.txt" in proposal.rationale


def test_a_version_with_which_the_test_fails_is_told_as_such(tmp_path, wheels):
    proposal = run(tmp_path / "r", "pin leaf to 1.3", wheels)
    assert "+leaf==1.3" in proposal.diff
    assert proposal.plausible is False


@pytest.mark.stress
def test_where_nothing_says_which_version_the_nearest_that_does_is_found(tmp_path, wheels):
    test = """python -c 'import sys; raise SystemExit("leaf" not in sys.path[1] and
        "AttributeError: module %r has no attribute" % "leaf" or __import__("leaf").green())'"""
    proposal = run(tmp_path / "r", "it fails", wheels, test=test)
    assert "+leaf==1.4" in proposal.diff
    assert "the nearest with which the test succeeds" in proposal.rationale


@pytest.mark.stress
def test_versions_are_asked_of_an_index_where_the_network_is_allowed(tmp_path, wheels):
    root = tmp_path / "r"
    base = repository(root, {"requirements.txt": "leaf==2.0\n"})
    agent = Agent(name="bump", builtin=Builtin.BUMP, minutes=1, network=True)
    with index(*wheels, json_api=True) as url:
        own = place(root, TEST, index=url, path=(Path(sys.executable).parent,))
        proposal = run_agent(task(base, "bump", symptom="leaf 2.0 broke it"), agent, own)
    assert "+leaf==1.4" in proposal.diff
    assert proposal.plausible is True


def test_without_wheels_and_network_nothing_is_known(tmp_path):
    proposal = run(tmp_path / "r", "leaf 2.0 broke it", test=None)
    assert proposal.refusal is Refusal.NO_PATCH
    assert "without a network" in proposal.sentence


def test_what_is_not_declared_is_never_installed(tmp_path, wheels):
    proposal = run(tmp_path / "r", "it needs evil>=1.0", wheels, test=None)
    assert "a name is never guessed" in proposal.sentence
    proposal = run(tmp_path / "q", "leaf is missing; it needs leaf>=3", wheels, test=None)
    assert proposal.sentence == "There is no leaf>=3 to be had."
