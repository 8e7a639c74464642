"""The local page: a formula is typed in a browser, and its circuit is drawn.

A server on this machine alone (`server`, `connection`), who may ask it (`keys`, `guard`), what it answers
(`app`, `examples`), and a process apart that evaluates what was typed (`pool`, `worker`, `answer`).
Needs the extra ``play``; nothing is imported before the page is asked for.
"""
