"""Telling other servers what happened: signed letters, made from the log, sent by a worker.

`managing` sets webhooks up, `following` turns the log and finished work into deliveries, and
`delivering` sends them. `events` and `signing` say what a letter holds and how it is signed.
"""
