"""The embedded database: opened, read and written in transactions. The only module that knows SQLAlchemy."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from records.errors import NewerVersionError, StoreError

__all__ = ["Database", "Reading", "Writing"]

NEWEST = "0001"
"""Version of the database that this program works with: the last one in ``migrations/versions``."""
PATIENCE_S = 10.0
"""How long a writer waits for another one."""
PAUSE_S = 0.02

REMEDIES = MappingProxyType(
    {
        "disk is full": "the disk is full; free space and try again",
        "disk I/O error": "the disk refuses to write; free space or check the disk, then try again",
        "readonly": "the folder cannot be written; choose another one with CATCHANGLE_HOME",
        "unable to open": "the database cannot be opened; check the folder and its permissions",
        "not a database": "this is not a database of catchangle; move it away or choose another folder",
        "malformed": "the database is damaged; restore it from a backup",
        "locked": "another program holds the database; close it and try again",
    }
)
"""What SQLite says, and what to do about it."""

Row = Mapping[str, Any]


class Reading:
    """An open transaction that reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, **values: object) -> Sequence[Row]:
        """Return all rows of a query; values are bound by name, never pasted in."""
        return [dict(row) for row in self._connection.execute(text(statement), values).mappings()]

    def row(self, statement: str, **values: object) -> Row | None:
        """Return the first row of a query, ``None`` where there is none."""
        return next(iter(self.rows(statement, **values)), None)


class Writing(Reading):
    """An open transaction that holds the database's one write lock."""

    def insert(self, table: str, values: Mapping[str, object]) -> None:
        """Add a row; `table` and the keys are ours, never a person's."""
        columns = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 (names are constants of ours)
        self._connection.execute(text(statement), dict(values))

    def update(self, statement: str, **values: object) -> None:
        """Run a statement that changes rows."""
        self._connection.execute(text(statement), values)


class Database:
    """One SQLite file in WAL mode that survives a power failure at any moment (synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a database, make it where there is none, and bring an older one up to date.

        Raises
        ------
        NewerVersionError
            If a newer version of the program wrote it; nothing is changed.
        StoreError
            If it cannot be opened or written, or is no database of ours.
        """
        database = cls(path)
        try:
            with _translated(path):
                database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Read a consistent state.

        Raises
        ------
        StoreError
            If the database refuses.
        """
        with _translated(self.path), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield Reading(connection)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Write all or nothing: what is raised inside undoes it all.

        Raises
        ------
        StoreError
            If the database refuses.
        """
        with _translated(self.path), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield Writing(connection)
            connection.exec_driver_sql("COMMIT")

    def _prepare(self) -> None:
        if self.path.exists():
            self._check_version()
        with self._engine.connect() as connection:
            _use_wal(connection)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if _revision(connection, self.path) != NEWEST:
                from records.migration import migrate  # noqa: PLC0415 (Alembic is needed once in a database's life)

                migrate(connection)
            connection.exec_driver_sql("COMMIT")

    def _check_version(self) -> None:
        with self._engine.connect() as connection:
            found = _revision(connection, self.path)
        if found in (None, NEWEST):
            return
        from records.migration import known_versions  # noqa: PLC0415 (as above)

        if found not in known_versions():
            raise NewerVersionError(
                self.path, f"was written by a newer catchangle (database version {found}); update this one", found
            )


def _engine(path: Path) -> Engine:
    # A connection per transaction: nothing is left open behind a page that is never closed, or shared by two threads.
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"timeout": PATIENCE_S}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 (the driver's connection)
        connection.isolation_level = None  # we say BEGIN ourselves, so that the lock is taken when we mean it
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _use_wal(connection: Connection) -> None:
    """Switch to WAL once; SQLite does not wait for others here, so we do."""
    deadline = time.monotonic() + PATIENCE_S
    while connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except DBAPIError as error:
            if "locked" not in str(error.orig) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)


def _revision(connection: Connection, path: Path) -> str | None:
    """Return the version of a database, ``None`` for an empty one."""
    tables = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise StoreError(path, "is a database of another program; move it away or choose another folder")
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and SQLAlchemy raise into one line."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        remedy = next((remedy for sign, remedy in REMEDIES.items() if sign in said), f"the database refuses ({said})")
        raise StoreError(path, remedy) from error
    except SQLAlchemyError as error:
        raise StoreError(path, f"the database refuses ({str(error).splitlines()[0]})") from error
