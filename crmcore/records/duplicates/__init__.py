"""Duplicates: who may be the same as whom, why, and what people say to it."""

from crmcore.records.duplicates.finding import Candidate, find_duplicates, likeness_of, profiles
from crmcore.records.duplicates.models import DuplicatePair, PairStatus
from crmcore.records.duplicates.proposing import propose_duplicates
from crmcore.records.duplicates.reviewing import PairSide, dismiss_pair, merge_pair
from crmcore.records.duplicates.scoring import Profile, Reason, ReasonKind

__all__ = [
    "Candidate",
    "DuplicatePair",
    "PairSide",
    "PairStatus",
    "Profile",
    "Reason",
    "ReasonKind",
    "dismiss_pair",
    "find_duplicates",
    "likeness_of",
    "merge_pair",
    "profiles",
    "propose_duplicates",
]
