"""Intake: prompts, candidates, pairs, criteria and judgments from files; all of it or nothing.

Two calls serve every door (command line, web page, REST):

    from annotation.intake.previewing import preview
    from annotation.intake.importing import run_import

    view = preview(path, "pairs", {"prompt_text": "question"})   # needs no database, writes nothing
    view.format         "CSV, gzip, separated by commas"
    view.columns        the file's columns;  view.fields: the kind's fields (name, required, help)
    view.mapping        field -> column: what was given, completed by a guess from the names
    view.unknown        columns that no field takes: map them, or list them in `ignore`
    view.problems       sentences: what still stands in the way ([] when the import may start)
    view.rows           the first rows: .line, .cells, .becomes (lines of text) or .problem

    report = run_import(project, path, "pairs", view.mapping, ignore=["slug"], progress=show)
    report.rows, report.created {"prompts": 13, …}, report.unchanged {…}, report.notes, str(report)

`path` names a JSONL, CSV, TSV or Parquet file, gzipped or not; `filename` may give the name it was
uploaded under. `kind` is a slug of `annotation.intake.catalogue.KINDS`: prompts, candidates, pairs,
criteria, judgments, checklist_answers, ratings, rankings. A mapping's value is a column's name, a
pattern of several ("{doc}/{system}"), or a constant after an equals sign ("=person").

`progress` is called with a `Progress(stage, done, total)`: "reading" (bytes), "checking",
"rendering" (texts), "writing" (rows). Whatever it raises ends the import with nothing written; so
that is how to cancel. `dry_run=True` checks everything and writes nothing.

What may be raised, all `annotation.errors.AnnotationError` with a sentence for a person:
`UnreadableFile` (encoding, damaged archive, zip bomb, no header, …), `BadMapping` (unknown field or
column), `ImportBusy` (another import into this project is running), and `ImportRefused` when rows
are bad: `.report.bad_rows` counts them, `.report.flaws` holds the first ones as (line, column,
reason), `.report.flaws_file` is a CSV file with all of them. They live in
`annotation.intake.refusals`.

Rows that are already Python dicts (a REST body, a script) take the same way:

    from annotation.intake.importing import import_rows
    import_rows(project, "prompts", [{"prompt_id": "p1", "prompt_text": "Why?"}])

Importing the same file again changes nothing: an external id stands for one content in a project,
and the same id with another content is an error, never an overwrite. Ids that differ only by
capitals, spaces or invisible characters are refused unless `allow_similar_ids=True`.

Inside: a *reader* (`readers/`, one file per format) yields rows in constant memory; a *kind*
(`kinds/`, one file each) turns a row into records; records are staged by COPY into temporary
tables; *landing* (`landing/`) checks them as sets and inserts them, in one transaction.
"""
