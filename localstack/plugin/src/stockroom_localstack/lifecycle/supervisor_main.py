"""The supervisor: runs one command and kills it when the lifeline ends. See supervisor.py for the whole picture.

    python -I -S supervisor_main.py <file descriptor of the lifeline> <command> [<argument> ...]

It runs once per Lambda environment, so it imports as little as it can, nothing outside the standard library. The fork
server has it without a command: its processes are forked as they are.
"""

import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
COMMAND_NOT_FOUND = 127
OPEN_FILES = 1024


def supervise(lifeline: int) -> None:
    """Forks, and returns in the new process alone; the supervisor ends when that has ended, or the lifeline.

    On the lifeline it writes two lines: the id of the new process, and how that ended (its exit status, or minus the
    signal).
    """
    os.set_inheritable(lifeline, False)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _control_process(PR_SET_CHILD_SUBREAPER, 1)
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        _leave(supervisor, (lifeline, woken, wake))
        return
    _tell(lifeline, child)
    ended_by_itself = _wait_for_end(child, lifeline, woken)
    _kill_all(child)
    _, status = os.waitpid(child, 0)
    _kill_strays()
    _tell(lifeline, os.waitstatus_to_exitcode(status))
    if ended_by_itself and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        _no_core_file()
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def _tell(lifeline: int, number: int) -> None:
    try:  # noqa: SIM105  # contextlib would be one more import
        os.write(lifeline, b"%d\n" % number)
    except OSError:
        pass  # nobody listens any more


def _leave(supervisor: int, its_own: tuple[int, ...]) -> None:
    """What the forked process does before anything else. its_own: file descriptors that are the supervisor's."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for descriptor in its_own:
        os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _limit_files()
    # Safe here: the supervisor has a single thread, and the signal is tied to the thread that forked.
    _control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)


def _execute(command: list[str]) -> None:
    try:
        os.execv(command[0], command)  # noqa: S606  # a shell is the last thing wanted here
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror}\n".encode())
        os._exit(COMMAND_NOT_FOUND)


def _wait_for_end(child: int, lifeline: int, woken: int) -> bool:
    """True when the command ended, False when the lifeline did."""
    # poll, because select refuses the file descriptors beyond 1024 that a busy emulator passes on.
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if woken in ready:
            os.read(woken, 512)
            if _reap_until(child):
                return True
        if lifeline in ready:
            return False


def _reap_until(child: int) -> bool:
    """Reaps orphans that came to the supervisor. True when the command is among the dead; it is left unreaped, so
    that its number can't pass to a stranger before its group is killed."""
    while True:
        dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if dead is None:
            return False
        if dead.si_pid == child:
            return True
        os.waitpid(dead.si_pid, 0)


def _kill_all(group: int) -> None:
    for target, kill in ((group, os.killpg), (group, os.kill)):
        try:  # noqa: SIM105  # contextlib would be one more import
            kill(target, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def _kill_strays() -> None:
    """Kills what had left the group: on Linux, orphans come to the supervisor as their nearest subreaper."""
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as children:  # noqa: PTH123
                strays = children.read().split()
        except OSError:
            return
        if not strays:
            return
        for stray in strays:
            try:
                os.kill(int(stray), signal.SIGKILL)
                os.waitpid(int(stray), 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def _control_process(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _limit_files() -> None:
    """To what a function has on AWS, whatever the emulator needs for itself. A process may raise it again."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _no_core_file() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    supervise(int(sys.argv[1]))
    _execute(sys.argv[2:])
