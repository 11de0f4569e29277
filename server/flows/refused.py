"""This file is how refused attempts are written down: not more than a log can bear, and nothing that names a customer.

The audit log is kept for good, so what somebody typed into a field does not go there as it is.
"""

import re
from collections import deque
from collections.abc import Hashable
from datetime import datetime, timedelta

from server.rules.wording import one_line

LONGEST = 300
_MOST_KNOWN = 2000
_MINUTE = timedelta(minutes=1)
_EMAIL = re.compile(r"[^\s@'\"`<>(),;:]+@[^\s@'\"`<>(),;:]+")
_PHONE = re.compile(r"\+\d[\d ()./-]{6,20}\d")
_SECRET = re.compile(r"\b(?:bhs?_|sk_|rk_|whsec_|shp[a-z]{2}_|xox[a-z]-|eyJ)[\w.=-]{8,}", re.ASCII)


def masked(text: str, most: int = LONGEST) -> str:
    """*text* on one line, without addresses, telephone numbers and what looks like a credential."""
    plain = _SECRET.sub("[secret]", text[: 4 * most])
    plain = _PHONE.sub("[phone]", _EMAIL.sub("[e-mail]", plain))
    return one_line(plain, most)


class Quota:
    """So many refusals a minute are written down of each one who is refused; of the others there is a count.

    Everybody has their own: who is not known cannot keep what somebody else tries out of the log.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._at: dict[Hashable, deque[datetime]] = {}
        self._left_out: dict[Hashable, int] = {}

    def take(self, key: Hashable, now: datetime) -> dict[str, str] | None:
        """Details to write down beside it (how many were left out before); None where it is left out too."""
        lately = self._at.pop(key, None)
        if lately is None:
            lately = deque(maxlen=self._most)
            while len(self._at) >= _MOST_KNOWN:
                oldest = next(iter(self._at))
                del self._at[oldest]
                self._left_out.pop(oldest, None)
        self._at[key] = lately
        if len(lately) == self._most and timedelta() <= now - lately[0] < _MINUTE:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return None
        lately.append(now)
        before = self._left_out.pop(key, 0)
        return {"not_written_before": str(before)} if before else {}
