import subprocess
import sys

import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.actions.python_names import distribution_of, read_map, shipped_map
from grace.runner.registry import action_named
from support.package_index import digest, file, served_index
from support.service_steps import killed_at, resumed, situated, taken

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
HASHED = "requests==2.32.0 \\\n    --hash=sha256:{0}\n# kept\nzipp==3.1 \\\n    --hash=sha256:{0}\n"


@pytest.fixture
def index():
    with served_index() as made:
        made.add(
            "pyyaml",
            file("PyYAML-5.0.tar.gz"),
            file("PyYAML-6.0-py3-none-any.whl"),
            file("PyYAML-6.0.tar.gz"),
            file("PyYAML-6.1-py3-none-any.whl", yanked=True),
            file("PyYAML-6.2rc1-py3-none-any.whl"),
            file("PyYAML-6.3-py3-none-any.whl", python=">=3.99"),
            file("PyYAML-6.4-py3-none-any.whl", uploaded=False),
            file("PyYAML-nonsense.exe"),
        )
        yield made


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "app.py").write_text("import yaml.nodes\n")
    (folder / "requirements.txt").write_text(HASHED.format("0" * 64))
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "Begin")):
        subprocess.run([*GIT, *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def target(checkout, index):
    root = subprocess.run(
        [*GIT, "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True
    )
    return {
        "kind": "checkout",
        "checkout": str(checkout),
        "expect_root_commit": root.stdout.strip(),
        "check": "/bin/sh -c \"echo ModuleNotFoundError: No module named \\'yaml.nodes\\'; exit 1\"",
        "index_url": index.url,
        "python_version": "3.11",
    }


def step(folder, target, **given):
    return situated("python.requirement", folder / "run", target, given)


def applied(checkout, diff):
    subprocess.run([*GIT, "apply", "-"], cwd=checkout, input=diff, text=True, check=True)
    return (checkout / "requirements.txt").read_text()


def entry(name, version, *files):
    hashes = sorted(digest(each) for each in files)
    lines = [f"{name}=={version}", *(f"    --hash=sha256:{each}" for each in hashes)]
    return " \\\n".join(lines) + "\n"


YAML = entry("PyYAML", "6.0", "PyYAML-6.0-py3-none-any.whl", "PyYAML-6.0.tar.gz")


def test_the_missing_module_ends_in_its_distribution_pinned_and_hashed(target, checkout, tmp_path):
    before = (checkout / "requirements.txt").read_text()
    state, found = taken("python.requirement", step(tmp_path, target))
    assert state == "done"
    assert found.sentence == "PyYAML 6.0 is added to requirements.txt for `yaml.nodes`"
    assert (checkout / "requirements.txt").read_text() == before
    # By name it comes before requests.
    assert applied(checkout, found.diff) == YAML + before
    state, found = taken("python.requirement", step(tmp_path / "again", target))
    assert (state, found.diff) == ("needless", None)
    assert "names PyYAML already" in found.sentence


def test_a_module_that_nobody_knows_is_refused_and_no_index_is_asked(target, index, tmp_path):
    index.add("yamll", file("yamll-1.0.tar.gz"))
    target["check"] = target["check"].replace("yaml.nodes", "yamll")
    with pytest.raises(ActionFailed) as refused:
        taken("python.requirement", step(tmp_path, target))
    assert refused.value.sentence == (
        "nothing says which distribution brings `yamll`. One of the same name may be anybody's, so "
        "none is guessed: name it in a file that the target's `module_map` names"
    )
    assert index.asked == []


def test_the_targets_own_map_comes_first(target, checkout, index, tmp_path):
    own = tmp_path / "modules.txt"
    own.write_text("yaml house-yaml # ours\n")
    index.add("house-yaml", file("house_yaml-1.0.tar.gz"))
    found = taken("python.requirement", step(tmp_path, {**target, "module_map": str(own)}))[1]
    assert "house-yaml==1.0" in found.diff


@pytest.mark.stress
def test_an_interpreter_that_has_it_says_what_brings_it(target, tmp_path):
    target["reference_python"] = sys.executable
    situation = step(tmp_path, target)
    assert distribution_of(situation, "yaml") == ("pyyaml", "it is installed from there elsewhere")
    assert distribution_of(situation, "cv2") == ("opencv-python", "the shipped map says so")


def test_what_it_needs_itself_comes_with_it_in_a_file_with_hashes(
    target, checkout, index, tmp_path
):
    index.add(
        "pyyaml",
        file("PyYAML-6.0-py3-none-any.whl"),
        needs=("six>=1,<3", "Requests", "typing; python_version<'3'", "pytest; extra == 'test'"),
    )
    index.add("six", *(file(f"six-{n}.0-py2.py3-none-any.whl") for n in (1, 2, 3)))
    found = taken("python.requirement", step(tmp_path, target))[1]
    assert found.sentence.endswith("for `yaml.nodes`, and 1 that it needs")
    text = applied(checkout, found.diff)
    assert entry("six", "2.0", "six-2.0-py2.py3-none-any.whl") in text
    assert text.startswith("PyYAML==6.0 \\\n")


def test_in_a_file_without_hashes_it_is_pinned_and_the_patch_says_so(target, checkout, tmp_path):
    (checkout / "requirements.txt").write_text("zipp\nflask>=2")
    found = taken("python.requirement", step(tmp_path, target))[1]
    assert found.sentence.endswith("have no hashes, so this has none either")
    assert applied(checkout, found.diff) == "zipp\nflask>=2\nPyYAML==6.0\n"


LOCKS = {
    "all.txt": f"pyyaml==5.0 \\\n    --hash=sha256:{digest('PyYAML-5.0.tar.gz')}\nzipp==1\n",
    "uv.lock": '[[package]]\nname = "pyyaml"\nversion = "5.0"\n'
    f'sdist = {{ hash = "sha256:{digest("PyYAML-5.0.tar.gz")}" }}\n',
    "poetry.lock": '[[package]]\nname = "PyYAML"\nversion = "5.0"\n'
    f'files = [{{file = "a", hash = "sha256:{digest("PyYAML-5.0.tar.gz")}"}}]\n',
}


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("online", [True, False])
def test_a_release_that_a_lock_file_pins_is_the_one(target, checkout, tmp_path, lock, online):
    (checkout / lock).write_text(LOCKS[lock])
    more = {"lock_file": lock} | ({} if online else {"index_url": ""})
    found = taken("python.requirement", step(tmp_path, {**target, **more}))[1]
    assert entry("PyYAML", "5.0", "PyYAML-5.0.tar.gz") in applied(checkout, found.diff)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"index_url": ""}, "no release of PyYAML is pinned with hashes in a lock file"),
        ({"index_url": "http://127.0.0.1:1/simple"}, "index cannot be reached .ConnectError."),
        ({"requirements": "pyproject.toml"}, "a file in pip's format"),
        ({"requirements": "../requirements.txt"}, "lies outside the checkout"),
        ({"requirements": "none.txt"}, "none.txt cannot be read"),
        ({"lock_file": "none.lock"}, "lock file cannot be read"),
        ({"module_map": "/nowhere"}, "`module_map` cannot be read"),
    ],
)
def test_without_what_it_needs_nothing_is_guessed(target, tmp_path, changed, said):
    with pytest.raises(ActionFailed, match=said):
        taken("python.requirement", step(tmp_path, {**target, **changed}))


def test_too_young_a_release_is_not_taken(target, index, tmp_path):
    index.add("pyyaml", file("PyYAML-6.0.tar.gz"))
    with pytest.raises(ActionFailed, match="older than 3650 days and not yanked"):
        taken("python.requirement", step(tmp_path, target, min_age_days=3650))


def test_a_lock_whose_hashes_are_not_those_of_the_index_is_told(target, checkout, tmp_path):
    (checkout / "all.txt").write_text(f"pyyaml==5.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ActionFailed, match="find out which is right"):
        taken("python.requirement", step(tmp_path, {**target, "lock_file": "all.txt"}))


@pytest.mark.parametrize(
    ("module", "said"), [("json.tool2", "belongs to Python itself"), ("app.parts", "is part of")]
)
def test_what_is_no_requirement_is_not_made_one(target, tmp_path, module, said):
    target["check"] = target["check"].replace("yaml.nodes", module)
    with pytest.raises(ActionFailed, match=said):
        taken("python.requirement", step(tmp_path, target))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"expect_root_commit": "f" * 40}, "its first commit is"),
        ({"expect_root_commit": ""}, "nothing says which repository"),
    ],
)
def test_in_another_repository_nothing_is_read(target, index, tmp_path, changed, said):
    with pytest.raises(WrongTarget, match=said):
        taken("python.requirement", step(tmp_path, {**target, **changed}))
    assert index.asked == []


@pytest.mark.stress
def test_killed_while_it_chooses_the_next_try_ends_in_the_same_patch(target, tmp_path):
    situation = step(tmp_path, target)
    assert killed_at("python.requirement", situation, 400)
    first = resumed("python.requirement", situation)
    assert "PyYAML==6.0" in first.diff
    assert action_named("python.requirement").act(situation).diff == first.diff


@pytest.mark.parametrize(
    ("check", "module"),
    [
        ("/bin/true", None),
        (f"{sys.executable} -c 'import nothing_here.x'", "nothing_here"),
    ],
)
def test_the_targets_check_tells_which_module_is_missing(target, tmp_path, check, module):
    situation = situated("python.imports", tmp_path / "run", {**target, "check": check})
    found = action_named("python.imports").look(situation)
    assert (found.holds, found.values.get("module")) == (module is None, module)


def test_a_check_that_fails_otherwise_is_not_taken_for_a_missing_module(target, tmp_path):
    situation = situated("python.imports", tmp_path / "run", {**target, "check": "/bin/false"})
    with pytest.raises(ActionFailed, match="failed with 1, and not for want of a module"):
        action_named("python.imports").look(situation)


def test_without_a_check_the_log_tells(target, tmp_path):
    log = tmp_path / "service.log"
    log.write_text(
        "ModuleNotFoundError: No module named 'old'\nImportError: No module named yaml\n"
    )
    more = {**target, "check": "", "log_file": str(log)}
    found = action_named("python.imports").look(situated("python.imports", tmp_path / "run", more))
    assert found.values == {"module": "old"}


def test_the_shipped_map_names_some_hundred_modules():
    known = shipped_map()
    assert 250 < len(known) < 400
    assert known["PIL"] == "Pillow"
    assert read_map("a b # c\n# d\n\nonly\n") == {"a": "b"}
