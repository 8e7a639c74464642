"""One worker that compiles while calls go on: a queue of jobs, and a thread while there are any.

Knows nothing of what a job does. A job is an iterator, and the worker rests between its parts
where it has to: while a process forks, no part runs, so that a child finds no lock held by a
thread that it does not have; it takes the queue over and begins a thread of its own when it needs
one. The thread keeps no process alive, and none begins once the interpreter ends.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any

__all__ = ["Job", "idle", "submit", "tend", "wait"]


class Job:
    """Something to be made for somebody.

    Parameters
    ----------
    owner
        For whom; when it is gone, what is left of the work is dropped.
    work
        Does a part of the work at each step. What it gives last is the result.

    Attributes
    ----------
    done
        Whether `result`, or the exception `error`, is there.
    """

    __slots__ = ("done", "error", "owner", "result", "work")

    def __init__(self, owner: Any, work: Iterator[Any]) -> None:
        self.owner = weakref.ref(owner)
        self.work = work
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def step(self) -> None:
        """Do the next part."""
        try:
            self.result = next(self.work)
        except StopIteration:
            self.done = True
        except Exception as error:  # told where the result is asked for
            self.error, self.done = error, True

    def run(self) -> None:
        """Do all of it, here and now."""
        while not self.done:
            self.step()


class _Worker:
    def __init__(self) -> None:
        self.changed = threading.Condition()  # guards all below; reentrant, for signal handlers
        self.jobs: deque[Job] = deque()
        self.current: Job | None = None
        self.thread: threading.Thread | None = None
        self.within = False  # a part of the current job runs
        self.held = 0  # forks that no part is to run at
        self.ended = False  # the interpreter is about to

    def submit(self, job: Job) -> None:
        with self.changed:
            self.jobs.append(job)
            self.start()

    def start(self) -> None:
        """Have a thread where there is something to do."""
        if self.thread is None and (self.jobs or self.current) and not self.ended:
            self.thread = threading.Thread(target=self.run, name="glassgrad compiles", daemon=True)
            try:
                self.thread.start()
            except RuntimeError:  # there can be none now
                self.thread = None

    def run(self) -> None:
        while True:
            with self.changed:
                if not self.jobs:
                    self.thread = None
                    self.changed.notify_all()
                    return
                job = self.current = self.jobs.popleft()
            while not job.done:
                with self.changed:
                    while self.held:
                        self.changed.wait()
                    if job.owner() is None:
                        break
                    self.within = True
                try:
                    job.step()
                except BaseException as error:  # the thread lives on: others wait for it
                    job.error, job.done = error, True
                with self.changed:
                    self.within = False
                    self.changed.notify_all()
            with self.changed:
                self.current = None
            del job  # which may be the last to hold what was compiled

    def wait(self) -> None:
        with self.changed:
            self.start()
            while self.thread is not None and self.thread is not threading.current_thread():
                self.changed.wait()

    def end(self) -> None:
        self.ended = True

    # -- forks -------------------------------------------------------------------------------

    def hold(self) -> None:
        with self.changed:
            self.held += 1
            while self.within and self.thread is not threading.current_thread():
                self.changed.wait()

    def go_on(self) -> None:
        with self.changed:
            self.held -= 1
            self.changed.notify_all()

    def child(self) -> None:
        """There is no thread here; what it was doing is begun again, or gone on with, on demand."""
        self.changed = threading.Condition()
        self.thread, self.within, self.held = None, False, 0
        if self.current is not None:
            self.jobs.appendleft(self.current)
            self.current = None


_worker = _Worker()
atexit.register(_worker.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_worker.hold, after_in_parent=_worker.go_on, after_in_child=_worker.child
    )


def submit(owner: Any, work: Iterator[Any]) -> Job:
    """Have something made beside what runs now. See `Job`."""
    job = Job(owner, work)
    _worker.submit(job)
    return job


def tend() -> None:
    """See to it that what was asked for is worked on, after a fork too.

    Python lets a thread that computes go on for 5 ms before another has a turn; the worker, which
    comes back to Python often and for a moment only, is given one here.
    """
    if _worker.thread is None:
        with _worker.changed:
            _worker.start()
    time.sleep(1e-5)


def idle() -> bool:
    """Whether nothing waits to be made, or is being made."""
    return _worker.thread is None and not _worker.jobs


def wait() -> None:
    """Wait until all that was asked for is made."""
    _worker.wait()
