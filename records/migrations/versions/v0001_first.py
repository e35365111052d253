"""The first store: patients, sessions, recordings, assessments, ratings."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE patients (
        code TEXT NOT NULL PRIMARY KEY,
        sex TEXT,
        body_mass_kg REAL,
        height_m REAL,
        simulated BOOLEAN NOT NULL CHECK (simulated IN (0, 1)),
        created_at TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE sessions (
        id TEXT NOT NULL PRIMARY KEY,
        patient_code TEXT NOT NULL REFERENCES patients (code),
        phase TEXT NOT NULL,
        started_at TEXT NOT NULL,
        started_utc TEXT NOT NULL,
        UNIQUE (patient_code, phase, started_utc)
    )
    """,
    """
    CREATE TABLE recordings (
        id TEXT NOT NULL PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id),
        name TEXT NOT NULL,
        muscle_group TEXT NOT NULL,
        side TEXT NOT NULL,
        test TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        simulated BOOLEAN NOT NULL CHECK (simulated IN (0, 1)),
        imported_at TEXT NOT NULL,
        UNIQUE (session_id, sha256)
    )
    """,
    """
    CREATE TABLE assessments (
        id TEXT NOT NULL PRIMARY KEY,
        recording_id TEXT NOT NULL REFERENCES recordings (id),
        made_at TEXT NOT NULL,
        version TEXT NOT NULL,
        finding TEXT NOT NULL
    )
    """,
    "CREATE INDEX assessments_of_recording ON assessments (recording_id, made_at)",
    """
    CREATE TABLE ratings (
        id TEXT NOT NULL PRIMARY KEY,
        recording_id TEXT NOT NULL REFERENCES recordings (id),
        rater TEXT NOT NULL,
        scale TEXT NOT NULL,
        grade TEXT NOT NULL,
        given_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX ratings_of_recording ON ratings (recording_id, given_at)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove the tables."""
    for table in ("ratings", "assessments", "recordings", "sessions", "patients"):
        op.execute(f"DROP TABLE {table}")
