"""A child process that dies at the n-th moment of its work, as if it were killed there."""

import os
import sys
import traceback

MOMENTS = ("open", "os.", "shutil.", "sqlite3.connect", "subprocess.Popen", "fcntl.")
LOOKS = frozenset({"os.listdir", "os.scandir"})
STATEMENTS = frozenset({"execute", "fetch", "fetchrow", "fetchval", "copy_to_table"})
KILLED, ENDED, BROKEN = 9, 0, 1


def dies_at(moment, work, *, moments=MOMENTS):
    """Do the work in a child that dies at a moment, counted from 1; answer whether it died.

    A moment is what the interpreter audits (files, databases, processes), and each statement that
    is sent to a PostgreSQL server.
    """
    child = os.fork()
    if child == 0:
        status = BROKEN
        try:
            _die_at(moment, moments)
            work()
            status = ENDED
        except BaseException:  # noqa: BLE001 - the parent is told by the status
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {KILLED, ENDED}, "the work failed before it could be killed"
    return code == KILLED


def _die_at(moment, moments):
    left = [moment]

    def count():
        left[0] -= 1
        if left[0] == 0:
            os._exit(KILLED)

    def audited(event, args):
        # Looking around in the system is no moment: nothing is different after it.
        looks = event in LOOKS or (args and str(args[0]).startswith("/proc"))
        if event.startswith(moments) and not looks:
            count()

    def called(frame, event, arg):
        code = frame.f_code
        if event == "call" and code.co_name in STATEMENTS and "asyncpg" in code.co_filename:
            count()

    sys.addaudithook(audited)
    sys.setprofile(called)


def moments_of(work, prepare, *, moments=MOMENTS, step=1):
    """Let a work die at its first moment, its second, ... until it comes to its end; yield each.

    `prepare` makes the world anew before each; `step` 3 takes every third moment.
    """
    moment = 1
    while True:
        prepare()
        died = dies_at(moment, work, moments=moments)
        yield moment
        if not died:
            return
        moment += step
