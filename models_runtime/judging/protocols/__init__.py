"""Ways of judging: one file each, found by walking this folder; the file name is the slug.

A protocol says which questions it answers, with which templates and options, what it costs in
calls, and how it goes about it: a talk (see `judging.talk`) that returns a verdict in placement
positions.
"""
