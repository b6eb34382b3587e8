#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whether the glossary of sluice(7) has only terms that the documentation uses, each once.

glossary.py TOP
"""

import glob
import os
import re
import sys

GLOSSARY = "control/man/sluice.7"
# The text of manual pages that are made while building comes from the tables in C.
PAGES = ("README.md", "tests/bench/README.md", "control/man/*.[1-8]", "control/man/*.in", "drivers-config/man/*.[1-8]",
         "control/api/api_methods.c", "control/config/config_keys.c", "control/config/config_health.c")


def main(top):
    with open(os.path.join(top, GLOSSARY), encoding="utf-8") as file:
        before, glossary, after = re.split(r"^\.SH (?:GLOSSARY|FORWARDING)$", file.read(), flags=re.M)
    text = before + after
    for page in (path for pattern in PAGES for path in glob.glob(os.path.join(top, pattern))):
        if not page.endswith(GLOSSARY):
            with open(page, encoding="utf-8") as file:
                text += file.read()
    text = " ".join(text.replace('\\-', "-").split())
    terms = re.findall(r"^\.TP\n\.B (.+)$", glossary, flags=re.M)
    complaints = [f"{term} stands twice" for term in sorted(set(terms)) if terms.count(term) > 1]
    complaints += [f"{term} is in no other place" for term in terms if not is_used(term, text)]
    for complaint in complaints:
        print(f"{GLOSSARY}: glossary: {complaint}")
    return 1 if complaints or not terms else 0


def is_used(term, text):
    """Also in the plural, or as a verb in another tense."""
    return re.search(rf"\b{re.escape(term)}(?:s|d|ed)?\b", text, re.I) is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
