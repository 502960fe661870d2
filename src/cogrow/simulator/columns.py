"""Arrow columns from numpy arrays, without a Python object per row.

Ids have a fixed width, so their bytes are looked up four at a time and their offsets are a range;
columns of few words are dictionaries.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cogrow.errors import N_, InvariantBroken, message

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
#: Ids of eight bytes, each as one number: cheap to look up.
Texts = npt.NDArray[np.uint64]

#: The text of 0000 … 9999, four bytes as one word.
_FOUR_DIGITS = np.frombuffer(b"".join(b"%04d" % n for n in range(10_000)), dtype=np.uint32)


class TextIds:
    """Ids of one kind: a letter and seven digits, M0000042.

    Past ten million the letter is the next one, so that ids sort as their numbers do. Eight bytes:
    DuckDB compares and prunes by them whole.
    """

    def __init__(self, letter: str) -> None:
        letters = np.arange(ord(letter), ord("Z") + 1, dtype=np.uint8)
        first = np.tile(_FOUR_DIGITS[:1000].view(np.uint8).reshape(-1, 4), (len(letters), 1))
        first[:, 0] = np.repeat(letters, 1000)
        self._first = first.view(np.uint32).reshape(-1)

    def texts(self, numbers: npt.NDArray[np.integer]) -> Texts:
        """Return the ids of `numbers` (shape (n,), not negative) as eight bytes each.

        Raises InvariantBroken where a number is beyond the letter Z.
        """
        higher = numbers // 10_000
        if len(numbers) and not 0 <= higher.min() <= higher.max() < len(self._first):
            raise InvariantBroken(
                message(N_("There are more numbers than ids of eight characters."))
            )
        text = np.empty((len(numbers), 2), dtype=np.uint32)
        text[:, 0] = self._first.take(higher)
        text[:, 1] = _FOUR_DIGITS.take(numbers - higher * 10_000)
        return text.view(np.uint64).reshape(-1)

    def range_texts(self, start: int, count: int) -> Texts:
        """Return the ids of `count` numbers in a row, as `texts` does."""
        first, last = start // 10_000, (start + count) // 10_000
        texts = self.texts(np.arange(first, last + 1) * 10_000)
        rows = np.repeat(texts, 10_000).view(np.uint32).reshape(-1, 10_000, 2)
        rows[:, :, 1] = _FOUR_DIGITS
        skipped = start - first * 10_000
        return rows.view(np.uint64).reshape(-1)[skipped : skipped + count]

    def column(self, numbers: npt.NDArray[np.integer], present: Mask | None = None) -> pa.Array:
        """Return the ids of `numbers` as text; null where not `present`."""
        return ids(self.texts(numbers), present)


def ids(texts: Texts, present: Mask | None = None) -> pa.Array:
    """Return texts made by `TextIds.texts` as a column; null where not `present`."""
    width = texts.dtype.itemsize
    offsets = np.arange(0, (len(texts) + 1) * width, width, dtype=np.int32)
    buffers = [_bitmap(present), pa.py_buffer(offsets), pa.py_buffer(texts)]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


MERCHANT = TextIds("M")
PRODUCT = TextIds("P")
BUYER = TextIds("B")
BRAND = TextIds("N")
CAMPAIGN = TextIds("C")
ORDER = TextIds("O")
REFUND = TextIds("R")
RETURN = TextIds("T")
VISIT = TextIds("V")


def _bitmap(present: Mask | None) -> pa.Buffer | None:
    """Return the validity bitmap of `present`, or None where everything is there."""
    if present is None or present.all():
        return None
    return pa.py_buffer(np.packbits(present, bitorder="little"))


def _fixed(kind: pa.DataType, values: npt.NDArray[np.generic], present: Mask | None) -> pa.Array:
    return pa.Array.from_buffers(
        kind, len(values), [_bitmap(present), pa.py_buffer(np.ascontiguousarray(values))]
    )


def instants(seconds: Ints, present: Mask | None = None) -> pa.Array:
    """Return UTC instants from seconds since 1970; null where not `present`."""
    return _fixed(pa.timestamp("us"), seconds * 1_000_000, present)


def days(numbers: npt.NDArray[np.integer], present: Mask | None = None) -> pa.Array:
    """Return days from their numbers since 1970-01-01; null where not `present`."""
    return _fixed(pa.date32(), numbers.astype(np.int32), present)


def money(minor: Ints) -> pa.Array:
    """Return whole minor units."""
    return _fixed(pa.int64(), minor.astype(np.int64, copy=False), None)


def counts(numbers: npt.NDArray[np.integer], present: Mask | None = None) -> pa.Array:
    """Return counts; null where not `present`."""
    return _fixed(pa.int32(), numbers.astype(np.int32, copy=False), present)


def decimals(millionths: Ints) -> pa.Array:
    """Return decimals of six places from whole millionths, not negative."""
    wide = np.zeros((len(millionths), 2), dtype=np.int64)
    wide[:, 0] = millionths
    return _fixed(pa.decimal128(18, 6), wide, None)


def flags(values: Mask) -> pa.Array:
    """Return truth values."""
    return pa.array(values)


def words(
    codes: npt.NDArray[np.integer], spelled: Sequence[str], present: Mask | None = None
) -> pa.Array:
    """Return `spelled[code]` for each code, kept as a dictionary; null where not `present`.

    Raises ValueError where `spelled` says a word twice: Arrow would then write bytes it never set.
    """
    small = np.int8 if len(spelled) < 128 else np.int32
    indices = _fixed(pa.from_numpy_dtype(small), codes.astype(small, copy=False), present)
    return pa.DictionaryArray.from_arrays(indices, _dictionary(tuple(spelled)), safe=False)


@cache
def _dictionary(spelled: tuple[str, ...]) -> pa.Array:
    if len(set(spelled)) < len(spelled):
        raise ValueError(f"a word is there twice: {spelled}")
    return pa.array(spelled, pa.string())


def constant(word: str, rows: int) -> pa.Array:
    """Return `word` in every one of `rows` rows."""
    return words(np.zeros(rows, dtype=np.int8), [word])


def by_time(at: Ints) -> Ints:
    """Return the order that sorts UTC seconds `at` (over less than 2³² seconds), equal ones as they
    stand.

    One sort of seconds and positions packed together: several times faster than a stable argsort.
    """
    packed = (at - at.min() if len(at) else at) << 31 | np.arange(len(at))
    packed.sort()
    return packed & 0x7FFFFFFF


def draw_bits(rng: np.random.Generator, count: int) -> Ints:
    """Return `count` times 64 random bits."""
    return rng.integers(0, 2**64, count, dtype=np.uint64).view(np.int64)


def bits_of(draws: Ints, shift: int, width: int) -> Ints:
    """Return `width` bits of each draw, from bit `shift` up."""
    bits = draws >> shift
    bits &= (1 << width) - 1
    return bits
