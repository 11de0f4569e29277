"""This file knows how long hand-over and transit take, learnt from the workspace's own deliveries."""

from msgspec import Struct


class Transit(Struct, frozen=True):
    """What has been learnt so far."""


UNLEARNED = Transit()
"""Before anything has been learnt."""
