"""The reader of pages believes nothing: what is wrong on a page fails."""

from __future__ import annotations

import pytest

from tests.docs.page import Block, Reader, agrees, blocks, commands


def follow(tmp_path, page: str) -> Reader:
    reader = Reader(tmp_path)
    for block in blocks(page):
        reader.read(block)
    return reader


@pytest.mark.parametrize(
    "page",
    [
        "```console\n$ echo one two\none two\n$ echo 3\n```\n",
        "```console\n$ cat > a.csv <<'END'\n> a,b\n> 1,2\n> END\n$ tail -n 1 a.csv\n1,2\n```\n",
        "```console\n$ echo one \\\n  two\none two\n```\n",
        "```console\n$ mkdir d\n$ cd d\n```\n\n```console\n$ basename $PWD\nd\n```\n",
        "```console exit=3\n$ true\n$ exit 3\n```\n",
        "```console\n$ make help\n```\n",
        "```python\nx = 1\n```\n\n```python\nassert x == 1\n```\n",
        "```yaml\n# a/b.yaml\nx: y\n```\n\n```console\n$ tail -n 1 a/b.yaml\nx: y\n```\n",
        "```json\n{}\n```\n\n```text\nanything\n```\n\n```sql\nSELECT 1\n```\n",
    ],
)
def test_a_true_page_holds(tmp_path, page):
    follow(tmp_path, page)


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("```console\n$ echo one\ntwo\n```\n", "the page shows"),
        ("```console\n$ false\n```\n", "ended with 1, not 0"),
        ("```console\n$ false\n$ true\n```\n", "ended with 1, not 0"),
        ("```console exit=2\n$ true\n```\n", "ended with 0, not 2"),
        ("```console\n$ make nothing-of-the-kind\n```\n", "ended with 2, not 0"),
        ("```console\n$ cogrow-has-no-such-command\n```\n", "ended with 127, not 0"),
        ("```python\nassert False, 'no'\n```\n", "no"),
        ("```bash\necho hidden\n```\n", "no such kind of block"),
        ("```\nunnamed\n```\n", "no such kind of block"),
        ("text\n\n    indented\n", "no such kind of block"),
    ],
)
def test_a_false_page_fails(tmp_path, page, error):
    with pytest.raises(AssertionError, match=error):
        follow(tmp_path, page)


@pytest.mark.parametrize(
    "page",
    [
        "```json\n{a\n```\n",
        "```yaml\na: [\n```\n",
        "```toml\na\n```\n",
        "```sql\nSELECT FROM (\n```\n",
    ],
)
def test_a_block_that_cannot_be_read_fails(tmp_path, page):
    with pytest.raises(Exception, match=r"(?i)expect|parse|double quotes"):
        follow(tmp_path, page)


def test_a_broken_program_fails(tmp_path):
    with pytest.raises(AssertionError):
        follow(tmp_path, "```yaml\nprogram: broken\nnonsense: 1\n```\n")


def test_a_skip_has_a_reason_and_a_block():
    page = "<!-- skip: needs the online_retail data -->\n```console\n$ false\n```\n"
    assert blocks(page) == [Block("console", 0, "$ false\n", 2, "needs the online_retail data")]
    for wrong in (
        "<!-- skip: -->\n```text\n```\n",
        "<!-- skip -->\n```text\n```\n",
        "<!-- skip: x -->\n\nWords.\n\n```text\n```\n",
        "<!-- skip: x -->\n",
        "```text maybe\n```\n",
    ):
        with pytest.raises(ValueError, match="skip|option"):
            blocks(wrong)


def test_a_console_block_begins_with_a_command():
    with pytest.raises(ValueError, match="begins with a command"):
        commands("output\n")


def test_dots_stand_for_what_may_change():
    assert agrees("one\n...\nthree", "one\ntwo\n2.5\nthree\n")
    assert agrees("took ... s", "took 1.2 s\n")
    assert agrees("...", "")
    assert not agrees("took ... s", "took 1.2\ns\n")
    assert not agrees("one\n...\nthree", "one\ntwo\n")
    assert not agrees("one", "one\ntwo\n")
