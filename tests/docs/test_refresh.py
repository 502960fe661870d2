"""A page that shows what no longer comes can be brought up to date, and nothing else on it changes."""

from __future__ import annotations

from tests.docs.refresh import refreshed

PAGE = """# Page

```yaml
# a.yaml
x: y
```

```console
$ tail -n 1 a.yaml
x: z
$ cat <<'END'
> shown
> END
shown
$ make help
nothing runs
```

Words that stay: x: z

```console exit=3
$ printf '1\\n2\\n3\\n'
1
...
3
$ echo new; exit 3
old
```

<!-- skip: needs what is not here -->
```console
$ false
old
```
"""


def test_only_what_no_longer_comes_is_replaced(tmp_path):
    expected = PAGE.replace("a.yaml\nx: z", "a.yaml\nx: y").replace("exit 3\nold", "exit 3\nnew")
    assert refreshed(PAGE, tmp_path) == expected


def test_a_true_page_stays_as_it_is(tmp_path):
    true = refreshed(PAGE, tmp_path)
    (tmp_path / "again").mkdir()
    assert refreshed(true, tmp_path / "again") == true
