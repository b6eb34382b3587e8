# SPDX-License-Identifier: BSD-3-Clause
"""What a page of the documentation asks its reader to type: commands, configurations, options.

Markdown: the lines of ```sh blocks, ```json blocks as configurations, and `code in the text`.
Manual pages: the lines between .EX and .EE or .nf and .fi (a configuration where they begin with
a brace, one of BIRD where they begin with `router id`, commands with their answers where they begin
with `$ `), and words in bold. Synopses and the tags of .TP are patterns of commands; their options
are read, and they are not run.
"""

import os
import re
import shlex
import shutil
from dataclasses import dataclass, field

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
PROGRAMS = ("sluiced", "sluicectl", "sluice-decap")
OPTION = re.compile(r"(?<![\w-])(?:--[a-z][a-z-]*[a-z]|-D\w+=)")
# `backend set` in the text is a command of sluicectl, which itself says which there are.
COMMAND_NAMES = set()
PATTERNS = ("SYNOPSIS", "NAME", "SEE ALSO")  # sections without a command to type


@dataclass
class Block:
    """Lines that belong together, each with its number."""

    page: str
    lines: list  # (number, text)
    kind: str  # "commands", "configuration" (of sluiced), "routing" (of BIRD), "session"


@dataclass
class Page:
    path: str
    blocks: list = field(default_factory=list)  # in their order
    options: list = field(default_factory=list)  # (number, option)
    tags: list = field(default_factory=list)  # (number, what it says), of COMMANDS
    complaints: list = field(default_factory=list)


def read_page(path, name):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    if name.endswith(".md"):
        return MarkdownReader(name, lines).read()
    return ManualReader(name, lines).read()


def is_command(text):
    """Whether words in the text are a command to type. `sluiced` alone is the name of a program,
    an ellipsis leaves something out, and a manual page is named with its section."""
    words = text.split()
    if not words or "…" in text or re.match(r"[\w.-]+\(\d\)", text):
        return False
    if re.fullmatch(r"scripts/\w+", words[0]):
        return not os.path.isdir(os.path.join(TOP, words[0]))
    if " ".join(words[:2]) in COMMAND_NAMES:
        return True
    if len(words) == 1 or not re.fullmatch(r"[a-z][\w.-]*", words[0]):
        return False
    options = any(re.match(r"--?[a-zA-Z]", word) for word in words[1:])
    return options or words[0] in PROGRAMS or words[0] == "export" or shutil.which(words[0]) is not None


class Reader:
    def __init__(self, name, lines):
        self.page = Page(name)
        self.lines = lines

    def note(self, number, text):
        """Code in the text: a command, or perhaps an option."""
        if is_command(text):
            self.page.blocks.append(Block(self.page.path, [(number, text)], "commands"))
        elif text.startswith("-"):
            self.options(number, text)

    def options(self, number, text):
        self.page.options += [(number, option) for option in OPTION.findall(text)]

    def block(self, lines, kind):
        if kind == "commands":
            lines = join_lines(lines)
        if lines:
            self.page.blocks.append(Block(self.page.path, lines, kind))


def join_lines(lines):
    """Commands that go on after a backslash, as one; comments and blank lines are none."""
    joined = []
    goes_on = False
    for number, text in lines:
        if goes_on:
            first, before = joined[-1]
            joined[-1] = (first, before[:-1].rstrip() + " " + text.strip())
        elif text.strip() and not text.strip().startswith("#"):
            joined.append((number, text.strip()))
        else:
            continue
        goes_on = joined[-1][1].endswith("\\")
    return joined


class MarkdownReader(Reader):
    def read(self):
        fence = None
        for number, line in enumerate(self.lines, 1):
            mark = re.match(r"\s*```(\w*)", line)
            if mark and fence is None:
                fence, body = mark.group(1), []
            elif mark:
                self.fenced(fence, body)
                fence = None
            elif fence is not None:
                body.append((number, line))
            else:
                for code in re.findall(r"`([^`]+)`", line):
                    self.note(number, code)
        return self.page

    def fenced(self, language, body):
        if language == "json":
            self.block(body, "configuration")
        elif language == "sh":
            self.block(body, "commands")
        else:
            for number, line in body:
                if (line.split() or [""])[0].lstrip("$") in PROGRAMS:
                    self.page.complaints.append((number, "a command in a block that is not called ```sh"))


class ManualReader(Reader):
    def read(self):
        section = ""
        body = None
        tag = False
        run = []  # (font, text) of macro lines that follow each other
        run_number = 0
        for number, line in enumerate(self.lines, 1):
            macro = re.match(r"\.(\w+)\s*(.*)", line)
            name = macro.group(1) if macro else ""
            if name in ("EX", "nf"):
                body = []
            elif name in ("EE", "fi"):
                plain = [(at, unescape(text)) for at, text in body]
                self.block(plain, kind_of(plain))
                body = None
            elif body is not None:
                if not line.startswith("."):
                    body.append((number, line))
            elif re.fullmatch(r"B|I|BR|RB|BI|IB|IR|RI", name) and not tag and section not in PATTERNS:
                if not run:
                    run_number = number
                run += pieces(name, macro.group(2)) + [("R", " ")]
                continue
            elif not macro and not tag and not line.startswith("'") and section not in PATTERNS:
                self.bold(run_number, run)
                run = []
                self.bold(number, fonts("R", line))
            self.bold(run_number, run)
            run = []
            if name == "SH":
                section = macro.group(2).strip('"')
            if name == "TP":
                tag = True
            elif tag and section == "COMMANDS":
                parts = pieces(name, macro.group(2)) if macro else fonts("R", line)
                self.page.tags.append((number, unescape("".join(text for _, text in parts))))
                tag = False
            elif tag and (name in ("B", "I", "BR", "RB", "BI", "IB", "IR", "RI") or not macro):
                tag = False
            if body is None and (macro or line.startswith("\\f")) or section in PATTERNS:
                self.options(number, unescape(strip_fonts(line)))
        self.bold(run_number, run)
        return self.page

    def bold(self, number, run):
        """Words in bold, with those in italics that belong to them."""
        text = ""
        for font, piece in run + [("R", ".")]:
            if font in "BI" and piece.strip() or (text and not piece.strip()):
                if text or font == "B":
                    text += piece
                continue
            if text.strip():
                self.note(number, " ".join(unescape(text).split()))
            text = ""


def kind_of(lines):
    first = lines[0][1].strip() if lines else ""
    if first.startswith("{"):
        return "configuration"
    if first.startswith("$ "):
        return "session"
    return "routing" if first.startswith("router id") else "commands"


def strip_fonts(text):
    return re.sub(r"\\f.", "", text)


def unescape(text):
    for escape, plain in ((r"\-", "-"), (r"\(dq", '"'), (r"\&", ""), (r"\ ", " "), (r"\e", "\\")):
        text = text.replace(escape, plain)
    return strip_fonts(text)


def pieces(macro, arguments):
    """The arguments of a font macro as (font, text)."""
    words = [word[1:-1] if word.startswith('"') else word for word in re.findall(r'"[^"]*"|\S+', arguments)]
    if len(macro) == 1:
        return fonts(macro, " ".join(words))
    parts = []
    for index, word in enumerate(words):
        parts += fonts(macro[index % 2], word)
    return parts


def fonts(font, text):
    """Text with \\fB and the like as (font, text)."""
    parts = []
    first = font
    for piece in re.split(r"(\\f.)", text):
        if piece.startswith("\\f"):
            font = piece[2] if piece[2] != "P" else first
        elif piece:
            parts.append((font, piece))
    return parts


def placeholders(command):
    """Words in capitals, which stand for something of the reader's."""
    return [word for word in re.split(r"[\s\[\]]+", command.split(" #")[0]) if re.fullmatch(r"[A-Z][A-Z_]+", word)]


def program_of(command):
    """The first word that is no variable."""
    for word in shlex.split(command, comments=True):
        if not re.match(r"[A-Za-z_]+=", word):
            return word
    return ""
