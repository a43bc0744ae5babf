"""A planted set of 1,000 conversations: known flaws, and texts that only look like flaws, in ordinary conversations.

The lists beside this file and the generator were written before the detectors, and without a look at their rules. When a
detector misses something here, mend the detector by the kind of the text and not by the text; do not touch the lists.
"""

from tests.conversations.quality.planted.generator import Planted, build_planted

__all__ = ["Planted", "build_planted"]
