"""The rules of giving out questions, pure: seeded, without a clock and without the database.

`rules` are a project's settings; `turns` says whether a question, a check or a repeat comes next;
`stopping` when a question has answers enough; `watching` when an annotator is warned or paused;
`agreement` compares two answers. `queue`, `serving` and `submission` apply them.
"""
