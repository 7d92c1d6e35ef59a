"""The harness's words for every client in Python: a command a line on standard input, an answer a line on output."""

import json
import os
import re
import sys
import threading


def settings():
    """What libpq's variables say, so that each driver may be given it in its own way."""
    return {name: os.environ["PG" + name.upper()] for name in ("host", "port", "user", "password", "database")}


def authority():
    return os.environ["PGSSLROOTCERT"]


def as_format(sql):
    """`$1` in the words of the DB-API."""
    return re.sub(r"\$\d+", "%s", sql.replace("%", "%%"))


def shown(value):
    """What two connections are compared by; text stays text, so that a mask can be read."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, memoryview):
        value = bytes(value)
    return repr(value)


class Cancelled(threading.Timer):
    """Cancels after a while; that it could not is told where it ends."""

    failure = None

    def __init__(self, milliseconds, cancel):
        super().__init__(milliseconds / 1000, self.attempt)
        self.cancel_query = cancel

    def attempt(self):
        try:
            self.cancel_query()
        except Exception as raised:
            self.failure = raised

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self.cancel()
        self.join()
        if self.failure:
            raise SystemExit(f"the cancellation failed: {self.failure}")


def rows(found):
    return [[shown(value) for value in row] for row in found]


def serve(client, error, failure):
    """`error` is what the driver raises, `failure` its SQLSTATE and words."""
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(client, command.pop("do"))(**command) or {}
        except error as raised:
            code, message = failure(raised)
            answer = {"error": code, "message": message}
        print(json.dumps(answer), flush=True)
