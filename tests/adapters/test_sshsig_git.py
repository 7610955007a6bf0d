import subprocess

import pytest

from grace.adapters.keys import Ed25519Key, allowed_signers_line
from grace.domain.sshsig import CommitProof, armor, check, sign_commit


@pytest.fixture
def signers(tmp_path, key):
    path = tmp_path / "allowed_signers"
    path.write_text(allowed_signers_line(key.public, "grace@example.test") + "\n")
    return path


def ssh_verify(signers, signature, message, namespace="git"):
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "grace@example.test",
               "-n", namespace, "-s", signature]  # fmt: skip
    return subprocess.run(command, input=message, capture_output=True, check=False)


@pytest.mark.parametrize("message", [b"", b"one line\n", bytes(range(256)) * 50])
def test_openssh_verifies_our_signatures(tmp_path, key, signers, message):
    signature = tmp_path / "m.sig"
    signature.write_text(armor(message, key))
    good = ssh_verify(signers, signature, message)
    assert good.returncode == 0, good.stderr
    assert ssh_verify(signers, signature, message + b"!").returncode != 0
    signature.write_text(armor(message, Ed25519Key(bytes(32))))
    assert ssh_verify(signers, signature, message).returncode != 0


def test_we_verify_signatures_of_openssh(tmp_path, keys):
    private = tmp_path / "id"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", private], check=True
    )
    message = tmp_path / "message"
    message.write_bytes(b"words")
    command = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", private, message]
    subprocess.run(command, check=True, capture_output=True)
    armored = (tmp_path / "message.sig").read_text()
    theirs = type(keys).parse((tmp_path / "id.pub").read_text(), "id.pub")
    assert check(b"words", armored, theirs) is CommitProof.GOOD
    assert check(b"other", armored, theirs) is CommitProof.BAD
    assert check(b"words", armored, keys) is CommitProof.UNKNOWN_KEY


def git(repo, *arguments, data=None):
    environment = {
        "PATH": "/usr/bin:/bin",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    return subprocess.run(
        ["git", "-C", repo, *arguments],
        input=data,
        capture_output=True,
        check=False,
        env=environment,
    )


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_git_says_good_of_a_commit_we_signed_and_bad_of_a_changed_one(
    tmp_path, key, signers, object_format
):
    repo = tmp_path / "repo.git"
    git(tmp_path, "init", "-q", "--bare", f"--object-format={object_format}", str(repo))
    tree = git(repo, "hash-object", "-t", "tree", "-w", "--stdin", data=b"").stdout.strip()
    who = b"Grace <grace@example.test> 1790000000 +0000"
    raw = b"tree %b\nauthor %b\ncommitter %b\n\nSubject\n\nBody\n" % (tree, who, who)
    signed = sign_commit(raw, key)

    def verify(commit):
        sha = git(repo, "hash-object", "-t", "commit", "-w", "--stdin", data=commit).stdout
        config = f"gpg.ssh.allowedSignersFile={signers}"
        return git(repo, "-c", config, "verify-commit", "-v", sha.decode().strip())

    good = verify(signed)
    assert good.returncode == 0, good.stderr
    assert b'Good "git" signature for grace@example.test' in good.stderr
    assert verify(signed.replace(b"Body", b"Boda")).returncode != 0
    assert verify(raw).returncode != 0
