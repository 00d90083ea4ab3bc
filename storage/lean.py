"""Statements of the hot path, compiled once and handed straight to the driver.

SQLAlchemy's own execution costs 40 to 100 µs a statement, several times what the driver needs. A statement that is
executed again as the same object (those at module level are) keeps its SQL, the order of its parameters and the
conversions of its types. Everything else, and whatever a listener watches, goes SQLAlchemy's way.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Row
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import MultipleResultsFound, NoResultFound
from sqlalchemy.util import await_only

_MANY = 4  # rows from which one call of the driver is quicker
_OUTDATED = "0A000"  # PostgreSQL: the plan was made before a migration
_plans: WeakKeyDictionary[Any, dict[tuple[str, ...], "Plan | None"]] = WeakKeyDictionary()


def execute_each(tx: Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Execute for every row: a few go one by one, the lean way; many in one call of the driver."""
    for batch in rows if len(rows) < _MANY else (list(rows),):
        tx.execute(statement, batch)


class Rows:
    """The part of SQLAlchemy's result that linli uses."""

    __slots__ = ("_plan", "_raw", "rowcount")

    def __init__(self, plan: "Plan", raw: Sequence[Any], rowcount: int) -> None:
        self._plan, self._raw, self.rowcount = plan, raw, rowcount

    def __iter__(self) -> Iterator[Any]:
        return map(self._plan.row, self._raw)

    def all(self) -> list[Any]:
        return list(self)

    def first(self) -> Any:
        return self._plan.row(self._raw[0]) if self._raw else None

    def one(self) -> Any:
        if len(self._raw) == 1:
            return self._plan.row(self._raw[0])
        raise MultipleResultsFound("several rows for one") if self._raw else NoResultFound("no row")

    def scalar(self) -> Any:
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        return self.one()[0]


class Plan:
    """One statement for one dialect and one set of parameter names."""

    __slots__ = ("_keys", "_metadata", "_processors", "_slots", "returns", "sql")

    def __init__(self, compiled: Any, given: dict[str, Any]) -> None:
        self.sql: str = compiled.string
        self._slots: list[tuple[str | None, Any, Any]] = []  # name to look up, conversion; or the value itself
        for name in compiled.positiontup or ():
            bind, convert = compiled.binds[name], compiled._bind_processors.get(name)
            if bind.key in given:
                self._slots.append((bind.key, convert, None))
            else:
                value = bind.effective_value
                self._slots.append((None, None, convert(value) if convert else value))
        columns = compiled._result_columns or ()
        converts = [column.type._cached_result_processor(compiled.dialect, None) for column in columns]
        self.returns = bool(columns)
        self._processors = converts if any(converts) else None
        self._metadata = SimpleResultMetaData([column.keyname for column in columns])
        self._keys = self._metadata._key_to_index

    def row(self, raw: Any) -> Any:
        return Row(self._metadata, self._processors, self._keys, tuple(raw))

    def arguments(self, given: dict[str, Any]) -> list[Any]:
        return [
            value if key is None else given[key] if convert is None else convert(given[key])
            for key, convert, value in self._slots
        ]


def _plan(statement: Any, given: dict[str, Any], dialect: Any) -> Plan | None:
    """None for a statement whose text or values SQLAlchemy has to work out at each execution."""
    compiled = statement.compile(dialect=dialect, column_keys=list(given))
    late = ("post_compile_params", "literal_execute_params", "insert_prefetch", "update_prefetch")
    return None if any(getattr(compiled, name, ()) for name in late) else Plan(compiled, given)


class LeanConnection(Connection):
    """A Connection that executes a statement by its plan from the second time on, within a transaction."""

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        tx = self._nested_transaction or self._transaction
        plain = type(parameters) is dict and execution_options is None and not self.engine._has_events
        if not plain or tx is None or not tx.is_active:
            return super().execute(statement, parameters, execution_options=execution_options)
        plans = _plans.get(statement)
        if plans is None:
            _plans[statement] = {}
            return super().execute(statement, parameters)
        key = (self.dialect.name, *parameters)
        if key not in plans:
            plans[key] = _plan(statement, parameters, self.dialect)
        plan = plans[key]
        return super().execute(statement, parameters) if plan is None else self._by_plan(plan, parameters)

    def _by_plan(self, plan: Plan, given: dict[str, Any]) -> Rows:
        arguments = plan.arguments(given)
        try:
            if self.dialect.name == "sqlite":
                sqlite: Any = self.connection.driver_connection
                cursor = sqlite.execute(plan.sql, arguments)
                return Rows(plan, cursor.fetchall() if plan.returns else (), cursor.rowcount)
            asof = self.dialect._invalidate_schema_cache_asof  # type: ignore[attr-defined]
            raw, status = await_only(_fetch(self.connection.dbapi_connection, plan.sql, arguments, asof))
            count = status.rpartition(" ")[2]
            return Rows(plan, raw, int(count) if count.isdecimal() else -1)
        except Exception as error:
            if getattr(error, "sqlstate", None) == _OUTDATED:
                self.dialect._invalidate_schema_cache_asof = time.time()  # type: ignore[attr-defined]
            self._handle_dbapi_exception(error, plan.sql, arguments, None, None)

    def tell(self, words: str) -> None:
        """A statement without parameters or result, on PostgreSQL."""
        try:
            await_only(_tell(self.connection.dbapi_connection, words))
        except Exception as error:
            self._handle_dbapi_exception(error, words, None, None, None)


async def _tell(line: Any, words: str) -> None:
    try:
        if line._transaction is None:
            await line._start_transaction()
        await line.driver_connection.execute(words)
    except Exception as error:
        line._handle_exception(error)
        raise


async def _fetch(line: Any, sql: str, arguments: list[Any], asof: float) -> tuple[list[Any], str]:
    """In SQLAlchemy's asyncpg adapter, with its cache of prepared statements, in one go."""
    try:
        if line._transaction is None:
            await line._start_transaction()
        prepared, _ = await line._prepare(sql, asof)
        return await prepared.fetch(*arguments), prepared.get_statusmsg()
    except Exception as error:
        line._handle_exception(error)
        raise
