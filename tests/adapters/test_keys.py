import os
import pickle
import stat
import subprocess

import pytest

from grace.adapters.keys import (
    Ed25519Key,
    KeyMaterialError,
    PublicKeys,
    allowed_signers_line,
    raw_line,
    ssh_line,
)

SEED = bytes(range(32))


def test_a_new_key_file_is_its_owners_alone_and_loads_again(tmp_path):
    path = tmp_path / "deep" / "grace.key"
    made = Ed25519Key.generate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
    assert Ed25519Key.load(path).public == made.public


def test_a_key_is_never_overwritten(tmp_path):
    path = tmp_path / "grace.key"
    path.write_text("something")
    with pytest.raises(KeyMaterialError, match="never overwritten"):
        Ed25519Key.generate(path)
    assert path.read_text() == "something"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_touch_is_refused(tmp_path, mode):
    path = tmp_path / "grace.key"
    Ed25519Key.generate(path)
    path.chmod(mode)
    with pytest.raises(KeyMaterialError, match=f"chmod 600 {path}"):
        Ed25519Key.load(path)


def test_a_missing_key_and_a_folder_say_what_to_do(tmp_path):
    with pytest.raises(KeyMaterialError, match="grace keys init"):
        Ed25519Key.load(tmp_path / "none")
    with pytest.raises(KeyMaterialError):
        Ed25519Key.load(tmp_path)
    with pytest.raises(KeyMaterialError, match="not a file"):
        Ed25519Key.load(type(tmp_path)(os.devnull))


def test_a_key_comes_from_an_environment_variable_too():
    assert Ed25519Key.parse(f" {raw_line(SEED)}\n", "GRACE_KEY").public == Ed25519Key(SEED).public


@pytest.mark.parametrize("text", ["", "hunter2", raw_line(SEED[:31]), raw_line(SEED) + "x"])
def test_an_odd_secret_is_refused_without_being_quoted(text):
    with pytest.raises(KeyMaterialError, match="GRACE_KEY does not hold a key") as caught:
        Ed25519Key.parse(text, "GRACE_KEY")
    assert text == "" or text not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_seed_of_another_size_is_refused():
    with pytest.raises(KeyMaterialError, match="32 bytes"):
        Ed25519Key(b"short")


def test_neither_repr_nor_pickle_nor_format_shows_the_secret():
    key = Ed25519Key(SEED)
    assert repr(key) == f"Ed25519Key({key.key_id})"
    assert str(key) == repr(key)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(key)


def test_signatures_verify_by_key_id_alone():
    key, other = Ed25519Key(SEED), Ed25519Key(bytes(32))
    keys = PublicKeys(key.public, other.public)
    signature = key.sign(b"message")
    assert keys.key_ids == (key.key_id, other.key_id)
    assert keys.knows(key.key_id)
    assert keys(key.key_id, b"message", signature)
    assert not keys(other.key_id, b"message", signature)
    assert not keys(key.key_id, b"massage", signature)
    assert not keys(key.key_id, b"message", signature[:63])
    assert not keys("ed25519:0000000000000000", b"message", signature)
    assert not PublicKeys().knows(key.key_id)


def test_a_public_key_is_read_in_every_format_it_is_written_in():
    public = Ed25519Key(SEED).public
    for line in (raw_line(public), ssh_line(public), allowed_signers_line(public, "g@x.test")):
        keys = PublicKeys.parse(f"# a comment\n\n{line}\n", "key.pub")
        assert keys.key_ids == PublicKeys(public).key_ids
    assert repr(keys) == f"PublicKeys({keys.key_ids[0]})"


def test_our_own_key_counts_beside_those_of_a_file(tmp_path):
    ours, theirs, nobodys = (Ed25519Key(bytes([i] * 32)) for i in range(3))
    path = tmp_path / "allowed_signers"
    path.write_text(allowed_signers_line(theirs.public) + "\n")
    both, alone = PublicKeys.beside(ours.public, path), PublicKeys.beside(ours.public, None)
    for key, in_both, in_own in (
        (ours, True, True),
        (theirs, True, False),
        (nobodys, False, False),
    ):
        signature = key.sign(b"m")
        assert both(key.key_id, b"m", signature) is in_both
        assert alone(key.key_id, b"m", signature) is in_own


def test_a_file_of_several_public_keys_is_one_set(tmp_path):
    path = tmp_path / "keys.pub"
    path.write_text(
        f"{raw_line(Ed25519Key(SEED).public)}\n{ssh_line(Ed25519Key(bytes(32)).public)}"
    )
    assert len(PublicKeys.load(path).key_ids) == 2
    with pytest.raises(KeyMaterialError, match="cannot be read"):
        PublicKeys.load(tmp_path / "none")


@pytest.mark.parametrize(
    "line",
    ["nonsense", "ssh-ed25519 AAAA", "ssh-ed25519 A", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAA"],
)
def test_what_is_no_public_key_is_refused(line):
    with pytest.raises(KeyMaterialError):
        PublicKeys.parse(line, "key.pub")


def test_a_file_without_a_key_and_a_key_of_another_size_are_refused():
    with pytest.raises(KeyMaterialError, match="no public key"):
        PublicKeys.parse("# nothing\n", "key.pub")
    with pytest.raises(KeyMaterialError, match="32 bytes"):
        PublicKeys(b"short")


@pytest.mark.parametrize("principal", ["", "a b", "*", "a,b", "#a"])
def test_a_principal_that_ssh_would_read_otherwise_is_refused(principal):
    with pytest.raises(KeyMaterialError, match="principal"):
        allowed_signers_line(Ed25519Key(SEED).public, principal)


def test_openssh_reads_our_public_key(tmp_path):
    path = tmp_path / "key.pub"
    path.write_text(ssh_line(Ed25519Key(SEED).public) + "\n")
    done = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, check=True)
    assert b"(ED25519)" in done.stdout
