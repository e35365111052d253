"""The database's versions and the way from one to the next: the only module that knows Alembic."""

from pathlib import Path

import alembic.command
from alembic.config import Config
from alembic.script import ScriptDirectory

__all__ = ["known_versions", "migrate", "newest_version"]

MIGRATIONS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def known_versions() -> frozenset[str]:
    """Return the versions of the database that this program can bring up to date."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def newest_version() -> str | None:
    """Return the last version in ``migrations/versions``."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def migrate(connection: object) -> None:
    """Bring a database to the newest version, inside the transaction that the (SQLAlchemy) connection has begun."""
    config = _config()
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")
