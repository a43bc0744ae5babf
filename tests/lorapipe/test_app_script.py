"""app.js is one module: a name that is declared twice keeps all of it from running, on every page."""

import re
from collections import Counter
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "lorapipe" / "static" / "app.js"
DECLARED = re.compile(r"^(?:async )?(?:function\*?|const|let|class) +(\w+)", re.MULTILINE)


def test_no_name_is_declared_twice() -> None:
    """Two branches once brought a function of the same name, and git merged them without a conflict."""
    names = Counter(DECLARED.findall(SCRIPT.read_text()))
    assert len(names) > 20
    assert [name for name, times in names.items() if times > 1] == []
