"""The escapes that are tried: each program prints ESCAPED where it gets what it wants.

`W` holds what lies outside: ports, sockets, folders, a process. The same program runs without a
sandbox first, where it must succeed. docs/sandbox.md prints this table.
"""

from dataclasses import dataclass, field

from grace.sandbox import Bounds, Strength

MIB = 1024 * 1024


@dataclass(frozen=True)
class Escape:
    """One attempt: its name, what it does, and what answers it; `why` is how its run ends."""

    name: str
    attempt: str
    answer: str
    code: str
    why: str = "exit"
    bounds: Bounds = field(default_factory=lambda: Bounds(wall_s=20))
    needs_root: bool = False
    may_be_refused: bool = False  # by this machine, to everybody


@dataclass(frozen=True)
class GitEscape:
    """What an agent leaves in a checkout for a git that somebody runs there later: it makes MARK.

    `then` is what that somebody runs.
    """

    name: str
    attempt: str
    answer: str
    command: str
    then: str


NETWORK = "its own network namespace, with a loopback of its own"
MOUNTS = "only named places are mounted, read-only unless told"
PIDS = "its own process namespace, and a /proc of that"

ESCAPES = (
    Escape(
        "tcp",
        "connect to a server on the machine's loopback",
        NETWORK,
        "s = socket.create_connection(('127.0.0.1', W['tcp']), 2); won(s.recv(9) == b'hello')",
    ),
    Escape(
        "udp",
        "send a datagram to the machine, as a question to its name server is one",
        NETWORK,
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.5)\n"
        "s.sendto(b'?', ('127.0.0.1', W['udp'])); won(s.recv(9) == b'hello')",
    ),
    Escape(
        "abstract-socket",
        "connect to an abstract unix socket, as a session bus has",
        NETWORK,
        "s = socket.socket(socket.AF_UNIX); s.connect('\\0' + W['abstract'])\n"
        "won(s.recv(9) == b'hello')",
    ),
    Escape(
        "socket-file",
        "connect to a unix socket in a folder, as a container engine has",
        MOUNTS,
        "s = socket.socket(socket.AF_UNIX); s.connect(W['socket']); won(s.recv(9) == b'hello')",
    ),
    Escape(
        "parent-environment",
        "read a secret of the caller's environment in its own and its first process's environ",
        "the environment is built from nothing, for the sandbox itself too",
        "won(any(W['secret'] in read(f'/proc/{p}/environ') for p in ('self', '1', os.getppid())))",
    ),
    Escape(
        "other-environments",
        "read the environ of every process",
        PIDS,
        "won(any(W['secret'] in read(p) for p in glob.glob('/proc/[0-9]*/environ')))",
    ),
    Escape(
        "command-lines",
        "read the command line of every process",
        PIDS,
        "won(any(W['nwohs'][::-1] in read(p) for p in glob.glob('/proc/[0-9]*/cmdline')))",
    ),
    Escape(
        "descriptors",
        "read from a file descriptor that the caller left open",
        "none but the three streams is passed on",
        "won(os.pread(W['fd'], 99, 0).decode() == W['secret'])",
    ),
    Escape(
        "read-outside",
        "read a file outside of the named places",
        MOUNTS,
        "won(open(W['outside'] + '/secret').read() == W['secret'])",
    ),
    Escape(
        "write-absolute",
        "write outside by an absolute path",
        MOUNTS,
        "open(W['outside'] + '/a', 'w').write('x'); won(True)",
    ),
    Escape(
        "write-dots",
        "write outside by `..`",
        MOUNTS,
        "open('../outside/a', 'w').write('x'); won(True)",
    ),
    Escape(
        "write-symlink",
        "write outside through a symbolic link made inside",
        "a link leads only to what is mounted",
        "os.symlink(W['outside'], 'out'); open('out/a', 'w').write('x'); won(True)",
    ),
    Escape(
        "hard-link",
        "link a file of a readable place into the writable one, and write it there",
        "the kernel makes no hard links across mounts",
        "os.link(W['readable'] + '/file', 'file'); open('file', 'a').write('x'); won(True)",
    ),
    Escape(
        "write-readable",
        "write a place that is readable",
        "bound read-only, with all mounts below it",
        "open(W['readable'] + '/new', 'w').write('x'); won(True)",
    ),
    Escape(
        "chmod-readable",
        "change the mode of a file in a readable place",
        "bound read-only, with all mounts below it",
        "os.chmod(W['readable'] + '/file', 0o777); won(True)",
    ),
    Escape(
        "write-system",
        "write among the system's programs",
        "bound read-only, with all mounts below it",
        "os.open('/usr/bin', os.O_TMPFILE | os.O_RDWR); won(True)",
        needs_root=True,
    ),
    Escape(
        "proc-root",
        "write outside by /proc/self/root and by the root of every process",
        PIDS,
        "for p in glob.glob('/proc/[0-9]*/root') + ['/proc/self/root']:\n"
        "    try: open(p + W['outside'] + '/a', 'w').write('x'); won(True)\n"
        "    except OSError: pass",
    ),
    Escape(
        "proc-sys",
        "write a setting of the kernel by /proc/sys",
        "/proc is read-only, and no capability is left",
        "f = '/proc/sys/vm/swappiness'; v = open(f).read(); open(f, 'w').write(v); won(True)",
        needs_root=True,
    ),
    Escape(
        "signal",
        "end a process outside",
        PIDS,
        "os.kill(W['victim'], 9); won(True)",
    ),
    Escape(
        "ptrace",
        "attach to a process outside as a debugger",
        PIDS,
        "won(ctypes.CDLL(None).ptrace(0x4206, W['victim'], None, None) == 0)",
    ),
    Escape(
        "shared-memory",
        "attach a System V shared memory segment of another process",
        "its own IPC namespace",
        "c = ctypes.CDLL(None); c.shmat.restype = ctypes.c_void_p\n"
        "i = c.shmget(W['shm'], 64, 0); assert i >= 0\n"
        "won(ctypes.string_at(c.shmat(i, None, 0o10000)).decode() == W['secret'])",
    ),
    Escape(
        "keyring",
        "read a key in the session keyring of the caller",
        "a session keyring of its own, which is empty",
        "c = ctypes.CDLL(None); n = W['keyctl']; i = c.syscall(n, 10, -3, b'user', W['key'].encode(), 0)\n"
        "b = ctypes.create_string_buffer(99); c.syscall(n, 11, i, b, 99)\n"
        "won(b.value.decode() == W['secret'])",
        may_be_refused=True,
    ),
    Escape(
        "devices",
        "find a device of the machine in /dev",
        "a /dev of its own with null, zero, full, random, urandom and tty",
        "own = {'null','zero','full','random','urandom','tty','fd','stdin','stdout','stderr','pts',"
        "'ptmx','shm','core','console'}\nwon(bool(set(os.listdir('/dev')) - own))",
    ),
    Escape(
        "mknod",
        "make a device node in the writable place and open it",
        "no capability is left, and writable places are mounted without devices",
        "os.mknod('d', 0o20666, os.makedev(1, 5)); won(open('d', 'rb').read(1) == b'\\0')",
        needs_root=True,
    ),
    Escape(
        "set-user-id",
        "become another user by a set-user-ID program",
        "everything is mounted without set-user-ID, and no new privileges are given",
        "o = subprocess.check_output([W['readable'] + '/suid', '-u'], text=True)\n"
        "won(int(o) == 65534 != os.getuid())",
        needs_root=True,
    ),
    Escape(
        "nested-namespace",
        "make a user namespace inside, and mount with the rights that it gives",
        "no more user namespaces are allowed within",
        "c = ctypes.CDLL(None); assert c.unshare(0x10020000) == 0\n"
        "won(c.mount(b'tmpfs', b'/mnt' if os.path.isdir('/mnt') else b'/tmp', b'tmpfs', 0, None) == 0)",
        may_be_refused=True,
    ),
    Escape(
        "daemon",
        "leave a process behind by forking twice in a session of its own",
        "with the first process of the namespace all of it ends",
        "r, w = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        f = open('lock', 'w'); fcntl.flock(f, fcntl.LOCK_EX)\n"
        "        f.write(str(os.getpid())); f.flush(); os.write(w, b'1')\n"
        "        for fd in (0, 1, 2): os.close(fd)\n"
        "        time.sleep(60)\n"
        "    os._exit(0)\n"
        "os.read(r, 1)",
    ),
    Escape(
        "hang",
        "never end",
        "a bound of time",
        "time.sleep(W['nap']); won(True)",
        "time",
        Bounds(wall_s=0.3),
    ),
    Escape(
        "spin",
        "use the processor for ever, in many short-lived children",
        "a bound of processor time over all processes, ended ones too",
        "e = time.monotonic() + 10; n = 0\n"
        "while n < 8 and time.monotonic() < e:\n"
        "    p = os.fork()\n"
        "    if p == 0:\n"
        "        while time.process_time() < 0.05: pass\n"
        "        os._exit(0)\n"
        "    os.waitpid(p, 0); n += 1\n"
        "won(n == 8)",
        "cpu",
        Bounds(wall_s=20, cpu_s=0.15),
    ),
    Escape(
        "fork-bomb",
        "fill the process table",
        "a bound of processes by the kernel and, for root, by a look 20 times a second",
        "n = 0\n"
        "while n < 200:\n"
        "    if os.fork() == 0: time.sleep(60)\n"
        "    n += 1\n"
        "time.sleep(W['nap']); won(True)",
        "processes",
        Bounds(wall_s=20, processes=50),
    ),
    Escape(
        "memory",
        "allocate memory without end, in several processes",
        "a bound for each process by the kernel, and over all of them by a look",
        "for _ in range(3):\n"
        "    if os.fork() == 0: b = bytearray(os.urandom(1)) * (40 * 2**20); time.sleep(60)\n"
        "time.sleep(W['nap']); won(True)",
        "memory",
        Bounds(wall_s=20, memory_bytes=96 * MIB),
    ),
    Escape(
        "memory-at-once",
        "allocate much memory at once",
        "a bound for each process by the kernel",
        "b = bytearray(300 * 2**20); won(len(b) > 0)",
        bounds=Bounds(wall_s=20, memory_bytes=96 * MIB),
    ),
    Escape(
        "hidden-memory",
        "keep memory in files without a name that no process maps",
        "a look at open files without a name",
        "fs = []\n"
        "for _ in range(4):\n"
        "    f = os.memfd_create('x'); fs.append(f)\n"
        "    for _ in range(40): os.write(f, b'x' * 2**20)\n"
        "time.sleep(W['nap']); won(True)",
        "memory",
        Bounds(wall_s=20, memory_bytes=96 * MIB),
    ),
    Escape(
        "scratch",
        "fill the scratch folders, which are memory",
        "each has a bound of its own",
        "for d in ('/tmp', '/dev/shm'):\n"
        "    n = tempfile.NamedTemporaryFile(dir=d)\n"
        "    for _ in range(60): n.write(b'x' * 2**20)\n"
        "    n.flush(); won(True)",
        bounds=Bounds(wall_s=20, memory_bytes=96 * MIB),
    ),
    Escape(
        "disk",
        "fill the disk with many files",
        "a look at the size of the writable places",
        "for i in range(40): open(str(i), 'wb').write(b'x' * 2**20)\n"
        "time.sleep(W['nap']); won(True)",
        "disk",
        Bounds(wall_s=20, disk_bytes=16 * MIB),
    ),
    Escape(
        "large-file",
        "fill the disk with one file",
        "a bound for each file by the kernel",
        "f = open('large', 'wb')\nfor _ in range(40): f.write(b'x' * 2**20)\nwon(True)",
        bounds=Bounds(wall_s=20, disk_bytes=16 * MIB),
    ),
    Escape(
        "deleted-files",
        "fill the disk with open files that are deleted",
        "a look at open files without a name, when room is lost",
        "fs = []\n"
        "for i in range(40):\n"
        "    f = open(str(i), 'wb', 0); os.unlink(str(i)); fs.append(f); f.write(b'x' * 2**20)\n"
        "time.sleep(W['nap']); won(True)",
        "disk",
        Bounds(wall_s=20, disk_bytes=16 * MIB),
    ),
    Escape(
        "unreadable-folder",
        "fill the disk in a folder that nobody may list",
        "where a folder cannot be listed, all the room that is lost counts",
        "os.mkdir('d'); os.chdir('d'); os.chmod('.', 0o300)\n"
        "for i in range(40): open(str(i), 'wb').write(b'x' * 2**20)\n"
        "time.sleep(W['nap']); won(True)",
        "disk",
        Bounds(wall_s=20, disk_bytes=16 * MIB),
    ),
    Escape(
        "output",
        "print without end",
        "a bound of output",
        "for _ in range(64): os.write(1, b'x' * 65536)\nwon(True)",
        "output",
        Bounds(wall_s=20, output_bytes=MIB),
    ),
)

COPY = "the agent works on a copy; its repository is made for it and thrown away"
OWN_GIT = "git compares from a folder of its own, which the agent never sees"

GIT_ESCAPES = (
    GitEscape(
        "git-hook",
        "leave a hook in the checkout",
        COPY,
        "printf '#!/bin/sh\\ntouch MARK\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit",
        "git commit -q --allow-empty -m x",
    ),
    GitEscape(
        "git-config",
        "name a program in the checkout's git config",
        COPY,
        "git config core.fsmonitor 'touch MARK; false'",
        "git status -s",
    ),
    GitEscape(
        "git-filter",
        "have a filter run by attributes and config",
        COPY + "; a patch may not touch .gitattributes",
        "git config filter.f.clean 'touch MARK; cat'; echo '* filter=f' > .git/info/attributes",
        "git add -A",
    ),
    GitEscape(
        "git-file",
        "replace `.git` by a file that points elsewhere",
        COPY,
        "cp -r .git evil && rm -rf .git && git config -f evil/config core.fsmonitor 'touch MARK; false'"
        " && echo 'gitdir: evil' > .git",
        "git status -s",
    ),
    GitEscape(
        "git-nested",
        "leave a repository with a config of its own inside, as a submodule",
        "a repository within the checkout is refused before git looks at it",
        "git init -q sub && git -C sub commit -q --allow-empty -m x && git -C sub config "
        "core.fsmonitor 'touch MARK; false' && git add sub",
        "git status -s",
    ),
)

SANDBOXES = (Strength.BUBBLEWRAP, Strength.UNSHARE)
