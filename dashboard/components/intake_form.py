"""The form by which a recording comes in."""

import tempfile
from datetime import UTC, datetime, time
from pathlib import Path

import streamlit as st

from analysis.model import Sex, Side, Subject
from analysis.muscles import MuscleGroup
from dashboard.components.choosing import PATIENT, RECORDING
from dashboard.components.waiting import waiting
from dashboard.services.intake import Arrival, Uploaded, place_uploads, receive
from dashboard.services.wording import plain, verbatim
from records.rows import Phase
from records.store import Store

__all__ = ["intake_form"]

FROM_DISK = "A path on this machine"
FROM_UPLOAD = "Upload"
UPLOAD_TYPES = ("mp4", "mov", "avi", "mkv", "webm", "csv", "parquet", "json")


def intake_form(store: Store, *, expanded: bool) -> None:
    """Show the form; what it takes is analysed at once and kept under the patient."""
    with st.expander("Add a recording", icon=":material/add:", expanded=expanded):
        source = st.segmented_control(
            "Where is it?", [FROM_DISK, FROM_UPLOAD], default=FROM_DISK, required=True, key="intake-source"
        )
        with st.form("intake", border=False):
            path, uploads = _source(upload=source == FROM_UPLOAD)
            arrival = _arrival()
            sent = st.form_submit_button("Analyse and keep", type="primary", icon=":material/play_arrow:")
        if sent:
            _receive(store, arrival, path, uploads)


def _source(*, upload: bool) -> tuple[str, list[Uploaded]]:
    if not upload:
        path = st.text_input(
            "Path",
            placeholder="/data/P001_baseline or /data/elbow.mp4",
            help="A recording folder with its recording.json, a video, or a CSV with the columns time_s and angle_deg.",
        )
        return path, []
    files = st.file_uploader(
        "A video, an angle CSV, or all files of one recording folder", type=UPLOAD_TYPES, accept_multiple_files=True
    )
    return "", [Uploaded(name=file.name, content=file.getvalue()) for file in files]


def _arrival() -> Arrival:
    one, two, three = st.columns(3)
    code = one.text_input("Patient code", placeholder="P001", help="A code of yours, never a name.")
    phase = two.selectbox("Phase", list(Phase), format_func=lambda phase: phase.label)
    day = three.date_input("Date of the exam", help="Used where the recording does not say it itself.")
    group = one.selectbox(
        "Muscle group", list(MuscleGroup), index=None, format_func=plain, help="Needed for a bare video or CSV only."
    )
    side = two.selectbox("Side", list(Side), index=None, format_func=str, help="Needed for a bare video or CSV only.")
    sex = three.selectbox("Sex", list(Sex), index=None, format_func=str, help="Sizes the limb where force is measured.")
    mass = one.number_input("Body mass (kg)", min_value=2.0, max_value=400.0, value=None)
    height = two.number_input("Height (m)", min_value=0.4, max_value=2.6, value=None, step=0.01)
    return Arrival(
        code=code.strip(),
        phase=phase or Phase.OTHER,
        started_at=datetime.combine(day, time(12), tzinfo=UTC),
        muscle_group=group,
        side=side,
        subject=Subject(code=code.strip() or "unnamed", sex=sex, body_mass_kg=mass, height_m=height),
    )


def _receive(store: Store, arrival: Arrival, path: str, uploads: list[Uploaded]) -> None:
    with tempfile.TemporaryDirectory(prefix="catchangle-") as folder, waiting("analysing …") as on_progress:
        source = place_uploads(uploads, Path(folder)) if uploads else Path(path.strip())
        recording = receive(store, source, arrival, on_progress)
    st.success(f"{verbatim(recording.name)} is kept under {verbatim(arrival.code)}.", icon=":material/check:")
    st.page_link(
        "pages/exam.py",
        label="Open the exam",
        icon=":material/monitoring:",
        query_params={PATIENT: arrival.code, RECORDING: recording.id},
    )
