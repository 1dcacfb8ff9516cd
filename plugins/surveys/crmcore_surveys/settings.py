"""What an operator says about surveys."""

from __future__ import annotations

from crmcore.plugins import PluginSettings, Setting


class SurveysSettings(PluginSettings):
    """How often people are asked, what counts as a low score, and who asks."""

    company: str = Setting(
        "", max_length=200, title="Company", description="Whose survey it is: shown above questions."
    )
    default_language: str = Setting(
        "en",
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        title="Language",
        description="For those of whom no language is known, as far as a survey is written in it.",
    )
    quarantine_days: int = Setting(
        30, ge=0, le=3650, title="Quarantine", description="For so many days after any invitation a contact gets none."
    )
    interval_days: int = Setting(
        90, ge=0, le=3650, title="Interval", description="So many days lie between two invitations to the same survey."
    )
    low_score: int | None = Setting(
        6, ge=0, le=10, title="Low score", description="A recommendation up to this opens a case; empty: none does."
    )
    low_satisfaction: int | None = Setting(
        2, ge=1, le=5, title="Low satisfaction", description="A satisfaction up to this opens a case; empty: none does."
    )
