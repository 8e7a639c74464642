"""The text of the C function that Python calls, with its loop over the checks on the outside.

The kinds of checks are numbered in `rows.py`, the tables are laid out in `calls.py`.
"""

from __future__ import annotations

__all__ = ["CALL"]

CALL = """
declare ptr @gg_PyDict_GetItemWithError(ptr, ptr)
declare i32 @gg_PyDict_Next(ptr, ptr, ptr, ptr)
declare ptr @gg_PyErr_Occurred()
declare void @gg_PyErr_Clear()
declare ptr @gg_PyMem_Malloc(i64)
declare void @gg_PyMem_Free(ptr)
declare ptr @gg_PyErr_NoMemory()
declare ptr @gg_PyObject_CallNoArgs(ptr)
declare ptr @gg_PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare i64 @gg_PyTuple_Size(ptr)
declare void @gg_Py_IncRef(ptr)
declare void @gg_Py_DecRef(ptr)
declare i32 @memcmp(ptr, ptr, i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

; Whether all checks hold: 1 they do, 0 one does not, 2 an exception rose.
define internal i32 @same(ptr %rows) {{
start:
  %place = alloca i64
  %key = alloca ptr
  %value = alloca ptr
  br label %check
check:
  %row = phi ptr [ %rows, %start ], [ %next, %passed ]
  %next = getelementptr i64, ptr %row, i64 4
  %kind = load i64, ptr %row
  %ap = getelementptr i64, ptr %row, i64 1
  %bp = getelementptr i64, ptr %row, i64 2
  %cp = getelementptr i64, ptr %row, i64 3
  %a = load ptr, ptr %ap
  %b = load ptr, ptr %bp
  %c = load ptr, ptr %cp
  switch i64 %kind, label %no [
    i64 0, label %yes
    i64 1, label %item
    i64 2, label %word
    i64 3, label %called
    i64 4, label %bytes
    i64 5, label %python
    i64 6, label %pairs
    i64 7, label %flags
    i64 8, label %new
  ]
item:
  %found = call ptr @gg_PyDict_GetItemWithError(ptr %a, ptr %b)
  %found.same = icmp eq ptr %found, %c
  br i1 %found.same, label %item.same, label %failed
item.same:
  %found.nothing = icmp eq ptr %found, null
  br i1 %found.nothing, label %item.nothing, label %passed
item.nothing:
  %raised = call ptr @gg_PyErr_Occurred()
  %calm = icmp eq ptr %raised, null
  br i1 %calm, label %passed, label %failed
word:
  %held = load ptr, ptr %a
  %held.same = icmp eq ptr %held, %c
  br i1 %held.same, label %passed, label %no
called:
  %lent = call ptr %b(ptr %a)
  %lent.same = icmp eq ptr %lent, %c
  br i1 %lent.same, label %passed, label %failed
new:
  %given = call ptr %b(ptr %a, ptr null)
  call void @gg_Py_DecRef(ptr %given)
  %given.same = icmp eq ptr %given, %c
  br i1 %given.same, label %passed, label %failed
bytes:
  %memory = load ptr, ptr %a
  %size = ptrtoint ptr %c to i64
  %order = call i32 @memcmp(ptr %memory, ptr %b, i64 %size)
  %bytes.same = icmp eq i32 %order, 0
  br i1 %bytes.same, label %passed, label %no
flags:
  %set = load i32, ptr %a
  %mask.wide = ptrtoint ptr %b to i64
  %mask = trunc i64 %mask.wide to i32
  %wanted.wide = ptrtoint ptr %c to i64
  %wanted = trunc i64 %wanted.wide to i32
  %masked = and i32 %set, %mask
  %flags.same = icmp eq i32 %masked, %wanted
  br i1 %flags.same, label %passed, label %no
python:
  %said = call ptr @gg_PyObject_CallNoArgs(ptr %a)
  %rose = icmp eq ptr %said, null
  br i1 %rose, label %error, label %answered
answered:
  call void @gg_Py_DecRef(ptr %said)
  %said.true = icmp eq ptr %said, {true}
  br i1 %said.true, label %passed, label %no
pairs:
  store i64 0, ptr %place
  br label %pair
pair:
  %left = phi ptr [ %c, %pairs ], [ %fewer, %pair.same ]
  %pair.at = phi ptr [ %b, %pairs ], [ %pair.next, %pair.same ]
  %more = call i32 @gg_PyDict_Next(ptr %a, ptr %place, ptr %key, ptr %value)
  %none = icmp eq i32 %more, 0
  br i1 %none, label %pairs.end, label %pair.any
pairs.end:
  %all = icmp eq ptr %left, null
  br i1 %all, label %passed, label %no
pair.any:
  %many = icmp eq ptr %left, null
  br i1 %many, label %no, label %pair.key
pair.key:
  %key.now = load ptr, ptr %key
  %key.was = load ptr, ptr %pair.at
  %key.same = icmp eq ptr %key.now, %key.was
  br i1 %key.same, label %pair.value, label %no
pair.value:
  %value.at = getelementptr ptr, ptr %pair.at, i64 1
  %value.was = load ptr, ptr %value.at
  %value.now = load ptr, ptr %value
  %value.same = icmp eq ptr %value.now, %value.was
  %value.any = icmp eq ptr %value.was, null
  %value.fits = or i1 %value.same, %value.any
  br i1 %value.fits, label %pair.same, label %no
pair.same:
  %pair.next = getelementptr ptr, ptr %pair.at, i64 2
  %left.number = ptrtoint ptr %left to i64
  %fewer.number = sub i64 %left.number, 1
  %fewer = inttoptr i64 %fewer.number to ptr
  br label %pair
passed:
  br label %check
failed:
  call void @gg_PyErr_Clear()
  ret i32 0
no:
  ret i32 0
yes:
  ret i32 1
error:
  ret i32 2
}}

; The Python method, with the same arguments.
define internal ptr @slow(ptr %self, ptr %args, i64 %nargs, ptr %kwnames) {{
start:
  %plain = icmp eq ptr %kwnames, null
  br i1 %plain, label %counted, label %named
named:
  %names = call i64 @gg_PyTuple_Size(ptr %kwnames)
  br label %counted
counted:
  %extra = phi i64 [ 0, %start ], [ %names, %named ]
  %count = add i64 %nargs, %extra
  %size = mul i64 %count, 8
  %whole = add i64 %size, 8
  %table = call ptr @gg_PyMem_Malloc(i64 %whole)
  %failed = icmp eq ptr %table, null
  br i1 %failed, label %memory, label %filled
memory:
  %nothing = call ptr @gg_PyErr_NoMemory()
  ret ptr null
filled:
  store ptr %self, ptr %table
  %rest = getelementptr ptr, ptr %table, i64 1
  call void @llvm.memcpy.p0.p0.i64(ptr %rest, ptr %args, i64 %size, i1 false)
  %positional = add i64 %nargs, 1
  %answer = call ptr @gg_PyObject_Vectorcall(ptr {slow}, ptr %table, i64 %positional, ptr %kwnames)
  call void @gg_PyMem_Free(ptr %table)
  ret ptr %answer
}}

define ptr @call(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames) {{
  %nargs = and i64 %nargsf, 9223372036854775807
  %direct.at = getelementptr i8, ptr %self, i64 {direct}
  %direct = load ptr, ptr %direct.at
  %traces = load i64, ptr {active}
  %calm = icmp eq i64 %traces, 0
  %there = icmp ne ptr %direct, null
  %both = and i1 %calm, %there
  br i1 %both, label %look, label %slowly
look:
  %kind.at = getelementptr i8, ptr %direct, i64 {type}
  %kind = load ptr, ptr %kind.at
  %right = icmp eq ptr %kind, {tuple}
  br i1 %right, label %begin, label %slowly
begin:
  call void @gg_Py_IncRef(ptr %direct)
  %first.at = getelementptr i8, ptr %direct, i64 {items}
  %first = load ptr, ptr %first.at
  %table = getelementptr i8, ptr %first, i64 {start}
  br label %program
program:
  %at = phi ptr [ %table, %begin ], [ %next, %on ]
  %known = phi i64 [ 0, %begin ], [ %known.on, %on ]
  %next = getelementptr i64, ptr %at, i64 3
  %answer.of = load ptr, ptr %at
  %end = icmp eq ptr %answer.of, null
  br i1 %end, label %decline, label %fitting
fitting:
  %wants.at = getelementptr i64, ptr %at, i64 1
  %wants = load i64, ptr %wants.at
  %fits = icmp eq i64 %wants, %nargs
  br i1 %fits, label %outside, label %on
outside:
  %rows.at = getelementptr i64, ptr %at, i64 2
  %rows.place = load i64, ptr %rows.at
  %seen = icmp eq i64 %rows.place, %known
  br i1 %seen, label %run, label %check
check:
  %rows = getelementptr i8, ptr %table, i64 %rows.place
  %same = call i32 @same(ptr %rows)
  switch i32 %same, label %error [
    i32 0, label %on
    i32 1, label %run
  ]
run:
  %answer = call ptr %answer.of(ptr %args, i64 %nargs, ptr %kwnames)
  %declined = icmp eq ptr %answer, {declined}
  br i1 %declined, label %on, label %done
on:
  %known.on = phi i64 [ %known, %fitting ], [ %known, %check ], [ %rows.place, %run ]
  br label %program
done:
  call void @gg_Py_DecRef(ptr %direct)
  ret ptr %answer
error:
  call void @gg_Py_DecRef(ptr %direct)
  ret ptr null
decline:
  call void @gg_Py_DecRef(ptr %direct)
  br label %slowly
slowly:
  %answer.slow = call ptr @slow(ptr %self, ptr %args, i64 %nargs, ptr %kwnames)
  ret ptr %answer.slow
}}
"""
