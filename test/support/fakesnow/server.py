"""fakesnow as the Node driver and Recoup's tests need it; says its port on stdout.

fakesnow answers in Arrow, which the Node driver does not read, and leaves out what Recoup relies on: DDL that commits, a lock
that somebody else holds as an error of its own, and the end of a transaction that idles while others wait for it.
"""

import base64
import contextlib
import datetime
import decimal
import importlib
import json
import logging
import socket
import threading
import time

import duckdb
import pyarrow
import snowflake.connector.errors
import uvicorn
from fakesnow import macros, transforms
from fakesnow.cursor import FakeSnowflakeCursor
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

# By name, since the package has a function of the same one.
server = importlib.import_module("fakesnow.server")
server.logger.setLevel(logging.CRITICAL)
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# Snowflake ends a transaction that others wait for once it has been idle for five minutes.
IDLE_LIMIT_S = 1.0
EPOCH = datetime.date(1970, 1, 1)
# What fakesnow cannot tell of a session.
SESSION = {"account": "FAKESNOW", "user": "RECOUP_LOADER", "role": "RECOUP_LOADER", "warehouse": "RECOUP_LOAD"}
DDL = ("create", "drop", "alter")
DML = ("insert", "update", "delete", "merge", "copy")
LOCKED = {"errno": 625, "sqlstate": "57014"}
BROKEN = {"errno": 603, "sqlstate": "XX000"}

# fakesnow notes the columns of new tables by name, those of other sessions' temporary tables too: two at once would collide.
ddl_turn = threading.Lock()

execute = FakeSnowflakeCursor.execute
creation_sql = macros.creation_sql


def execute_as_snowflake(cursor, command, *args, **options):
    """Runs a statement, keeping account of the open transaction in `transaction_at`: when it was last at work."""
    connection = cursor._conn
    verb = command.split(None, 1)[0].lower()
    is_open = getattr(connection, "transaction_at", None) is not None
    if command.lower().startswith("alter session set autocommit"):
        connection.commits_itself = False
    elif verb in DDL and is_open:
        cursor._duck_conn.commit()
        connection.transaction_at = None
    elif verb in DML and not is_open and not getattr(connection, "commits_itself", True):
        cursor._duck_conn.begin()
        connection.transaction_at = time.monotonic()
    elif verb == "begin":
        connection.transaction_at = time.monotonic()
    try:
        with ddl_turn if verb in DDL else contextlib.nullcontext():
            execute(cursor, command, *args, **options)
        if verb == "merge":  # Which DuckDB does not describe.
            cursor._last_sql, cursor._last_params = 'SELECT 0::BIGINT AS "number of rows merged"', None
        return cursor
    except duckdb.TransactionException as error:
        end_idle_transactions()
        code = LOCKED if "conflict" in str(error).lower() else BROKEN
        raise snowflake.connector.errors.ProgrammingError(msg=str(error), **code) from error
    finally:
        if verb in ("commit", "rollback"):
            connection.transaction_at = None
        elif getattr(connection, "transaction_at", None) is not None:
            connection.transaction_at = time.monotonic()


def end_idle_transactions():
    for connection in list(server.sessions.values()):
        at = getattr(connection, "transaction_at", None)
        if at is not None and time.monotonic() - at > IDLE_LIMIT_S:
            connection._duck_conn.rollback()
            connection.transaction_at = None


def as_text(value):
    if isinstance(value, dict):  # A timestamp, as seconds and nanoseconds.
        return f"{value['epoch']}.{value['fraction']:09d}"
    if isinstance(value, datetime.date):
        return str((value - EPOCH).days)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return None if value is None else str(value)


async def query_request(request):
    response = await server.query_request(request)
    body = json.loads(response.body)
    data = body.get("data")
    if not data or "rowtype" not in data:
        return response
    arrow = data.pop("rowsetBase64", None)
    if arrow is not None:
        table = pyarrow.ipc.open_stream(base64.b64decode(arrow)).read_all() if arrow else None
        columns = [column.to_pylist() for column in table.columns] if table else []
        data["rowset"] = [[as_text(value) for value in row] for row in zip(*columns)]
    data.update(queryResultFormat="json", total=len(data["rowset"]), returned=len(data["rowset"]))
    return JSONResponse(body, status_code=response.status_code)


FakeSnowflakeCursor.execute = execute_as_snowflake
# Else 38 digits would be cut to the 19 of a bigint, and sums to the 15 of a floating-point number.
transforms.integer_precision = lambda expression: expression
transforms.numeric_agg_implicit_cast = lambda expression: expression
# DuckDB merges by itself; the temporary table that fakesnow makes for it could not be written in a transaction.
transforms.merge = lambda expression: [expression]
macros.creation_sql = lambda catalog: creation_sql(catalog) + "".join(
    f"create macro {catalog}.current_{name}() as '{value}';" for name, value in SESSION.items()
)
server.shared_fs.nop_regexes = ["alter session", "remove @"]
# The place in the file system that fakesnow has made, not the upload by HTTP that it makes of it.
server.gcs_stage_info = lambda _request, _expr, data: data["stageInfo"]

routes = [
    Route(route.path, query_request, methods=["POST"]) if route.path == "/queries/v1/query-request" else route
    for route in server.routes
]
# With its protocol, without which asyncio leaves Nagle's delay on.
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
print(f'{{"ready":true,"port":{listener.getsockname()[1]}}}', flush=True)
uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="critical")).run(sockets=[listener])
