"""The threads that large loops share: one pool a process, started by the first loop that asks.

Native code calls ``gg_in_threads(part, list, length, ranges, partial, room)``. It runs
``part(list, lo, hi, mine)`` for each of so many ranges of ``0 .. length``, `mine` being `room`
bytes further on in `partial` for each, and answers 1 where all parts did. Whoever is free takes the
next range, the caller too: where no other thread wakes in time, the caller does all of the work.
How the length is cut does not depend on that, so neither do the results. One caller has the pool
at a time; others do their work alone. Python is not touched here: a caller may hold the GIL or not.

**What is safe, and why.** A job is described in `@job`, which changes only while `@left` (ranges
nobody has taken) is 0, and is read only by who has taken one. The caller waits until `@open`
(ranges not done) is 0, so nobody reads an old job. A thread that goes to sleep counts itself in
`@asleep` before it looks at `@left` a last time; the caller sets `@left` before it looks at
`@asleep`: one of the two sees the other. Threads look for work a little longer before they sleep,
since one loop is often followed by another.

The machine code is never freed, and the threads are never joined: they hold nothing that an ending
process would wait for. They take no signals, which are for Python's own threads. A forked process
has none of them, and begins anew.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import signal

from glassgrad.emit.native.machine import compiled

__all__ = ["CALL", "cores", "ready"]

#: The declaration of the function.
CALL = "declare i32 @gg_in_threads(ptr, ptr, i64, i64, ptr, i64)"

_SPIN = 200  # looks for work before a thread goes to sleep: some 50 us
# How a processor is told that a thread only waits.
_PAUSE = {
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}


@functools.cache
def cores() -> int:
    """How many threads loops may run on; ``GLASSGRAD_THREADS`` says otherwise."""
    asked = os.environ.get("GLASSGRAD_THREADS", "")
    if asked.isdigit():
        return max(int(asked), 1)
    if not hasattr(os, "sched_getaffinity") or not hasattr(ctypes.CDLL(None), "pthread_create"):
        return 1
    return min(len(os.sched_getaffinity(0)), 64)


@functools.cache
def ready() -> None:
    """Make the pool's code, and its name known to what is compiled from now on."""
    import llvmlite.binding as llvm

    engine = compiled(_text())
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))  # threads run it to the very end
    llvm.add_symbol("gg_in_threads", engine.get_function_address("in_threads"))
    anew = ctypes.CFUNCTYPE(None)(engine.get_function_address("anew"))
    os.register_at_fork(after_in_child=anew)
    anew()


def _text() -> str:
    declared, pause = _PAUSE.get(platform.machine(), ("", ""))
    return declared + _POOL.format(
        pause=pause, spin=_SPIN, others=cores() - 1, mask=int(signal.SIG_SETMASK)
    )


_POOL = """
; Whether somebody has the pool; what there is to do; ranges not taken; ranges not done;
; whether all went well; threads that sleep; threads that were started.
@busy = internal global i32 0, align 64
@job = internal global {{ ptr, ptr, i64, i64, ptr, i64 }} zeroinitializer, align 64
@left = internal global i64 0, align 64
@open = internal global i64 0, align 64
@status = internal global i32 0, align 64
@asleep = internal global i64 0, align 64
@started = internal global i64 0, align 64
@lock = internal global [128 x i8] zeroinitializer, align 64
@work = internal global [128 x i8] zeroinitializer, align 64
@done = internal global [128 x i8] zeroinitializer, align 64

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sched_yield()
declare i32 @sigfillset(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)

; As in a process that has just begun: no threads, no work, nobody waits.
define void @anew() {{
  store atomic i64 0, ptr @left seq_cst, align 8
  store i64 0, ptr @open
  store i64 0, ptr @asleep
  store i64 0, ptr @started
  %l = call i32 @pthread_mutex_init(ptr @lock, ptr null)
  %w = call i32 @pthread_cond_init(ptr @work, ptr null)
  %d = call i32 @pthread_cond_init(ptr @done, ptr null)
  store atomic i32 0, ptr @busy seq_cst, align 4
  ret void
}}

; The range of this number.
define internal i32 @range(ptr %part, ptr %list, i64 %length, i64 %ranges, ptr %partial, i64 %room, i64 %n) {{
  %after = add i64 %n, 1
  %a = mul i64 %length, %n
  %b = mul i64 %length, %after
  %lo = udiv i64 %a, %ranges
  %hi = udiv i64 %b, %ranges
  %far = mul i64 %room, %n
  %mine = getelementptr i8, ptr %partial, i64 %far
  %status = call i32 %part(ptr %list, i64 %lo, i64 %hi, ptr %mine)
  ret i32 %status
}}

; Wait a moment, and let others run: a thread that looks for work may have woken on the very core
; of the caller, who then could do none.
define internal void @rest() {{
  {pause}
  {pause}
  {pause}
  {pause}
  %y = call i32 @sched_yield()
  ret void
}}

; Take ranges until there are none.
define internal void @serve() {{
start:
  br label %look
look:
  %left = load atomic i64, ptr @left seq_cst, align 8
  %none = icmp eq i64 %left, 0
  br i1 %none, label %end, label %take
take:
  %fewer = sub i64 %left, 1
  %both = cmpxchg ptr @left, i64 %left, i64 %fewer seq_cst seq_cst
  %taken = extractvalue {{ i64, i1 }} %both, 1
  br i1 %taken, label %run, label %look
run:
  %part = load ptr, ptr @job
  %list = load ptr, ptr getelementptr (i8, ptr @job, i64 8)
  %length = load i64, ptr getelementptr (i8, ptr @job, i64 16)
  %ranges = load i64, ptr getelementptr (i8, ptr @job, i64 24)
  %partial = load ptr, ptr getelementptr (i8, ptr @job, i64 32)
  %room = load i64, ptr getelementptr (i8, ptr @job, i64 40)
  %n = sub i64 %ranges, %left
  %status = call i32 @range(ptr %part, ptr %list, i64 %length, i64 %ranges, ptr %partial, i64 %room, i64 %n)
  %old = atomicrmw and ptr @status, i32 %status seq_cst
  %open = atomicrmw sub ptr @open, i64 1 seq_cst
  %last = icmp eq i64 %open, 1
  br i1 %last, label %tell, label %look
tell:
  %l = call i32 @pthread_mutex_lock(ptr @lock)
  %s = call i32 @pthread_cond_signal(ptr @done)
  %u = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %look
end:
  ret void
}}

define internal ptr @thread(ptr %nothing) {{
start:
  br label %again
again:
  br label %look
look:
  %times = phi i64 [ 0, %again ], [ %more, %pause ]
  %left = load atomic i64, ptr @left seq_cst, align 8
  %some = icmp ne i64 %left, 0
  br i1 %some, label %serve, label %pause
pause:
  call void @rest()
  %more = add i64 %times, 1
  %tired = icmp eq i64 %more, {spin}
  br i1 %tired, label %sleep, label %look
sleep:
  %l = call i32 @pthread_mutex_lock(ptr @lock)
  %in = atomicrmw add ptr @asleep, i64 1 seq_cst
  br label %check
check:
  %new = load atomic i64, ptr @left seq_cst, align 8
  %still = icmp eq i64 %new, 0
  br i1 %still, label %wait, label %awake
wait:
  %w = call i32 @pthread_cond_wait(ptr @work, ptr @lock)
  br label %check
awake:
  %out = atomicrmw sub ptr @asleep, i64 1 seq_cst
  %u = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %serve
serve:
  call void @serve()
  br label %again
}}

; Start the threads that are missing; where one cannot be started there is one less.
define internal void @start() {{
  %id = alloca i64
  %all = alloca [128 x i8], align 8
  %before = alloca [128 x i8], align 8
  %f = call i32 @sigfillset(ptr %all)
  %s = call i32 @pthread_sigmask(i32 {mask}, ptr %all, ptr %before)
  br label %next
next:
  %n = load i64, ptr @started
  %enough = icmp uge i64 %n, {others}
  br i1 %enough, label %end, label %create
create:
  %more = add i64 %n, 1
  store i64 %more, ptr @started
  %failed = call i32 @pthread_create(ptr %id, ptr null, ptr @thread, ptr null)
  %well = icmp eq i32 %failed, 0
  br i1 %well, label %detach, label %next
detach:
  %thread = load i64, ptr %id
  %d = call i32 @pthread_detach(i64 %thread)
  br label %next
end:
  %r = call i32 @pthread_sigmask(i32 {mask}, ptr %before, ptr null)
  ret void
}}

define i32 @in_threads(ptr %part, ptr %list, i64 %length, i64 %ranges, ptr %partial, i64 %room) {{
start:
  %both = cmpxchg ptr @busy, i32 0, i32 1 seq_cst seq_cst
  %free = extractvalue {{ i32, i1 }} %both, 1
  br i1 %free, label %staff, label %alone
staff:
  %started = load i64, ptr @started
  %enough = icmp uge i64 %started, {others}
  br i1 %enough, label %publish, label %create
create:
  call void @start()
  br label %publish
publish:
  store ptr %part, ptr @job
  store ptr %list, ptr getelementptr (i8, ptr @job, i64 8)
  store i64 %length, ptr getelementptr (i8, ptr @job, i64 16)
  store i64 %ranges, ptr getelementptr (i8, ptr @job, i64 24)
  store ptr %partial, ptr getelementptr (i8, ptr @job, i64 32)
  store i64 %room, ptr getelementptr (i8, ptr @job, i64 40)
  store atomic i32 1, ptr @status seq_cst, align 4
  store atomic i64 %ranges, ptr @open seq_cst, align 8
  store atomic i64 %ranges, ptr @left seq_cst, align 8
  %asleep = load atomic i64, ptr @asleep seq_cst, align 8
  %useful = sub i64 %ranges, 1
  %fewer = icmp ult i64 %asleep, %useful
  %sleepers = select i1 %fewer, i64 %asleep, i64 %useful
  %any = icmp ne i64 %sleepers, 0
  br i1 %any, label %wake, label %share
wake:
  %wl = call i32 @pthread_mutex_lock(ptr @lock)
  br label %call
call:
  %called = phi i64 [ 0, %wake ], [ %called.more, %call ]
  %ws = call i32 @pthread_cond_signal(ptr @work)
  %called.more = add i64 %called, 1
  %called.all = icmp eq i64 %called.more, %sleepers
  br i1 %called.all, label %woken, label %call
woken:
  %wu = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %share
share:
  call void @serve()
  br label %look
look:
  %times = phi i64 [ 0, %share ], [ %more, %pause ]
  %open = load atomic i64, ptr @open seq_cst, align 8
  %over = icmp eq i64 %open, 0
  br i1 %over, label %end, label %pause
pause:
  call void @rest()
  %more = add i64 %times, 1
  %tired = icmp eq i64 %more, {spin}
  br i1 %tired, label %sleep, label %look
sleep:
  %sl = call i32 @pthread_mutex_lock(ptr @lock)
  br label %check
check:
  %still = load atomic i64, ptr @open seq_cst, align 8
  %ready = icmp eq i64 %still, 0
  br i1 %ready, label %awake, label %wait
wait:
  %sw = call i32 @pthread_cond_wait(ptr @done, ptr @lock)
  br label %check
awake:
  %su = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %end
end:
  %status = load atomic i32, ptr @status seq_cst, align 4
  store atomic i32 0, ptr @busy seq_cst, align 4
  ret i32 %status

; The pool is another's.
alone:
  br label %own
own:
  %n = phi i64 [ 0, %alone ], [ %n.more, %own ]
  %sofar = phi i32 [ 1, %alone ], [ %all, %own ]
  %one = call i32 @range(ptr %part, ptr %list, i64 %length, i64 %ranges, ptr %partial, i64 %room, i64 %n)
  %all = and i32 %sofar, %one
  %n.more = add i64 %n, 1
  %n.end = icmp eq i64 %n.more, %ranges
  br i1 %n.end, label %told, label %own
told:
  ret i32 %all
}}
"""
