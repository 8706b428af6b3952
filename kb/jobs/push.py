"""Puts the published build into a store that other machines pull from: files first, then its name.

What neither this listing nor the one before names is removed; whoever is reading it asks again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic

from kb.base.config import Settings
from kb.index import listing
from kb.index.builds import Builds
from kb.index.listing import Lister, ListingRefused
from kb.jobs.build_sources import SourceAway, Store


@dataclass(frozen=True, slots=True)
class PushReport:
    """What one push did."""

    build: str
    files: int = 0  # put into the store
    bytes: int = 0
    removed: int = 0
    seconds: float = 0.0


def push(settings: Settings, store: Store) -> PushReport:
    """Brings a store up to what is served here.

    Raises IndexMissing or IndexDamaged without a build, and SourceAway if the store cannot be
    written to.
    """
    began = monotonic()
    lister = Lister(settings, Builds(settings.builds))
    offered = lister.listing()
    here, there = {file.digest: file.size for file in offered.files.values()}, store.digests()
    before = _listed(store)
    put = sorted(here.keys() - there)
    for digest in put:
        if (place := lister.find(digest)) is not None:
            store.put(digest, place)
    secret = settings.builds_secret.get_secret_value() if settings.builds_secret else ""
    store.point(offered.written(secret))
    others = there - here.keys() - set(before)
    for digest in others:
        store.remove(digest)
    size = sum(here[digest] for digest in put)
    return PushReport(offered.build, len(put), size, len(others), monotonic() - began)


def _listed(store: Store) -> Collection[str]:
    """The digests of the files that the store lists now."""
    try:
        return {file.digest for file in listing.read(store.listing()).files.values()}
    except (SourceAway, ListingRefused):
        return ()
