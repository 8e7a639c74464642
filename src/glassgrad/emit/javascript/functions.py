"""The helper functions that emitted JavaScript calls: each the text of one declaration, by name.

Here are those of arithmetic, of probabilities, of lines of an array, and of small matrices; error and
gamma functions are `special.py`'s. What they give at edge points is what NumPy gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from glassgrad.emit.javascript.special import SPECIAL

__all__ = ["FUNCTIONS", "needed", "words"]

_ARITHMETIC = """
// Python's and NumPy's power: JavaScript has NaN for 1 ** NaN and (-1) ** Infinity.
function power(x, n) {
  if (x === 1 || (x === -1 && Math.abs(n) === Infinity)) return 1;
  return Math.pow(x, n);
}

// The remainder with the sign of the divisor.
function remainder(a, b) {
  const rest = a % b;
  if (rest === 0) return copysign(0, b);
  return (b < 0) !== (rest < 0) ? rest + b : rest;
}

function floor_divide(a, b) {
  if (b === 0) return a / b;
  const rest = a % b;
  let times = (a - rest) / b;
  if (rest !== 0 && (b < 0) !== (rest < 0)) times -= 1;
  if (times === 0) return copysign(0, a / b);
  const below = Math.floor(times);
  return times - below > 0.5 ? below + 1 : below;
}

function copysign(size, sign) {
  return sign < 0 || Object.is(sign, -0) ? -Math.abs(size) : Math.abs(size);
}

// To the nearest, halves to even.
function rounded(x, decimals) {
  const scale = Math.pow(10, Math.abs(decimals));
  const scaled = decimals < 0 ? x / scale : x * scale;
  const below = Math.floor(scaled);
  const apart = scaled - below;
  const up = apart > 0.5 || (apart === 0.5 && below % 2 !== 0);
  const nearest = copysign(up ? below + 1 : below, x);
  return decimals < 0 ? nearest * scale : nearest / scale;
}

function fmax(a, b) {
  return a >= b || Number.isNaN(b) ? a : b;
}

function fmin(a, b) {
  return a <= b || Number.isNaN(b) ? a : b;
}

function heaviside(x, at_zero) {
  if (Number.isNaN(x)) return x;
  return x === 0 ? at_zero : x < 0 ? 0 : 1;
}

function sinc(x) {
  const angle = Math.PI * x;
  return x === 0 ? 1 : Math.sin(angle) / angle;
}

// The distance to the next number away from zero.
function spacing(x) {
  if (x === 0) return Number.MIN_VALUE;
  if (!Number.isFinite(x)) return NaN;
  const numbers = new Float64Array([Math.abs(x)]);
  new BigInt64Array(numbers.buffer)[0] += 1n;
  return copysign(numbers[0] - Math.abs(x), x);
}
"""

_PROBABILITIES = """
function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function expit(x) {
  const small = Math.exp(-Math.abs(x));
  return x < 0 ? small / (1 + small) : 1 / (1 + small);
}

function log_expit(x) {
  return x < 0 ? x - Math.log1p(Math.exp(x)) : -Math.log1p(Math.exp(-x));
}

function logit(x) {
  if (x < 0.3 || x > 0.65) return Math.log(x / (1 - x));
  const apart = 2 * (x - 0.5); // exact; without it digits are lost next to 1/2
  return Math.log1p(apart) - Math.log1p(-apart);
}

function logaddexp(x, y) {
  if (x === y) return x + Math.LN2;
  if (x > y) return x + Math.log1p(Math.exp(y - x));
  return y + Math.log1p(Math.exp(x - y));
}

function logaddexp2(x, y) {
  if (x === y) return x + 1;
  if (x > y) return x + Math.log1p(Math.pow(2, y - x)) * Math.LOG2E;
  return y + Math.log1p(Math.pow(2, x - y)) * Math.LOG2E;
}

function xlogy(x, y) {
  return x === 0 && !Number.isNaN(y) ? 0 : x * Math.log(y);
}

function xlog1py(x, y) {
  return x === 0 && !Number.isNaN(y) ? 0 : x * Math.log1p(y);
}

function entr(x) {
  if (x < 0) return -Infinity;
  return x === 0 ? 0 : -x * Math.log(x);
}

function rel_entr(x, y) {
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  if (x === 0 && y >= 0) return 0;
  if (!(x > 0 && y > 0)) return Infinity;
  const ratio = x / y;
  if (0.5 < ratio && ratio < 2) return x * Math.log1p((x - y) / y);
  if (2.2250738585072014e-308 < ratio && ratio < Infinity) return x * Math.log(ratio);
  return x * (Math.log(x) - Math.log(y));
}

function kl_div(x, y) {
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  if (x > 0 && y > 0) return x * Math.log(x / y) - x + y;
  return x === 0 && y >= 0 ? y : Infinity;
}
"""

_LINES = """
// The correctly rounded sum (Shewchuk 1997; as in Python's math.fsum).
function fsum(values) {
  let parts = [];
  for (let x of values) {
    const kept = [];
    for (let y of parts) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) kept.push(low);
      x = high;
    }
    parts = [...kept, x];
  }
  let high = parts.pop() ?? 0;
  let low = 0;
  while (parts.length > 0 && low === 0) {
    const x = high;
    const y = parts.pop();
    high = x + y;
    low = y - (high - x);
  }
  // Half-way between two numbers, what is left says to which side.
  if (parts.length > 0 && low < 0 === parts[parts.length - 1] < 0) {
    const further = high + 2 * low;
    if (2 * low === further - high) high = further;
  }
  if (Number.isNaN(high)) return values.reduce((a, b) => a + b, 0);
  return high;
}

function logsumexp(values) {
  const largest = Math.max(...values);
  const held = Number.isFinite(largest) ? largest : 0;
  return Math.log(values.reduce((sum, x) => sum + Math.exp(x - held), 0)) + held;
}

function log_softmax(values) {
  const largest = Math.max(...values);
  const held = Number.isFinite(largest) ? largest : 0;
  const sum = Math.log(values.reduce((total, x) => total + Math.exp(x - held), 0));
  return values.map((x) => x - held - sum);
}

// Numbers upwards, NaN last.
function upwards(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return a - b || 0; // Infinity - Infinity
}

function sorted(values) {
  return [...values].sort(upwards);
}

function argsort(values) {
  return values.map((_, place) => place).sort((i, j) => upwards(values[i], values[j]));
}

function argmax(values) {
  const broken = values.findIndex(Number.isNaN);
  return broken >= 0 ? broken : values.indexOf(Math.max(...values));
}

function argmin(values) {
  const broken = values.findIndex(Number.isNaN);
  return broken >= 0 ? broken : values.indexOf(Math.min(...values));
}

// Where a number belongs in an ascending array: before its equals, or after them.
function place_of(value, values, after) {
  return values.filter((x) => x < value || (after && x === value)).length;
}

function at(values, place) {
  const found = values.at(place);
  return found === undefined ? NaN : found;
}

// A place counted from the front.
function from_front(place, length) {
  return place < 0 ? place + length : place;
}

function places_of_truths(truths) {
  return truths.flatMap((truth, place) => (truth ? [place] : []));
}
"""

_MATRICES = """
// Gaussian elimination with partial pivoting, of a and of what stands beside it: the upper
// triangle, and the sign of the rows' order (Golub and Van Loan, "Matrix Computations", 3.4).
function eliminated(a, beside) {
  const upper = a.map((row) => [...row]);
  const right = beside.map((row) => [...row]);
  let sign = 1;
  for (let k = 0; k < upper.length; k++) {
    let best = k;
    for (let r = k + 1; r < upper.length; r++) {
      if (Math.abs(upper[r][k]) > Math.abs(upper[best][k])) best = r;
    }
    if (best !== k) {
      sign = -sign;
      [upper[k], upper[best]] = [upper[best], upper[k]];
      [right[k], right[best]] = [right[best], right[k]];
    }
    if (upper[k][k] === 0) continue;
    for (let r = k + 1; r < upper.length; r++) {
      const factor = upper[r][k] / upper[k][k];
      for (let j = k; j < upper.length; j++) upper[r][j] -= factor * upper[k][j];
      for (let j = 0; j < right[r].length; j++) right[r][j] -= factor * right[k][j];
    }
  }
  return [upper, right, sign];
}

function det(a) {
  const [upper, , sign] = eliminated(a, a.map(() => []));
  return upper.reduce((product, row, k) => product * row[k], sign);
}

function slogdet(a) {
  const [upper, , order] = eliminated(a, a.map(() => []));
  const sign = upper.reduce((product, row, k) => product * Math.sign(row[k]), order);
  return [sign + 0, upper.reduce((sum, row, k) => sum + Math.log(Math.abs(row[k])), 0)];
}

function solve(a, b) {
  const [upper, x] = eliminated(a, b);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let c = 0; c < x[i].length; c++) {
      for (let j = i + 1; j < a.length; j++) x[i][c] -= upper[i][j] * x[j][c];
      x[i][c] /= upper[i][i];
    }
  }
  return x;
}

// Each element's: the determinant without its row and column. A singular matrix has them, too.
function cofactors(a) {
  return a.map((_, i) => a[i].map((_, j) => {
    const others = a.filter((_, r) => r !== i).map((row) => row.filter((_, c) => c !== j));
    return (i + j) % 2 === 0 ? det(others) : -det(others);
  }));
}

// Of a singular matrix its limit, infinite (or NaN where there is none).
function inverse(a) {
  if (det(a) === 0) {
    const minors = cofactors(a);
    return a.map((row, i) => row.map((_, j) => minors[j][i] / 0));
  }
  return solve(a, a.map((row, i) => row.map((_, j) => (i === j ? 1 : 0))));
}

// The lower triangle; only that of a is read.
function cholesky(a) {
  const lower = a.map((row) => row.map(() => 0));
  for (let j = 0; j < a.length; j++) {
    for (let i = j; i < a.length; i++) {
      let rest = a[i][j];
      for (let k = 0; k < j; k++) rest -= lower[i][k] * lower[j][k];
      lower[i][j] = i === j ? Math.sqrt(rest) : rest / lower[j][j];
    }
  }
  return lower;
}
"""

_BEGINS = re.compile(r"^(?://[^\n]*\n)*(?:function|const) (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*")
_WORD = re.compile(r"(?<![\w.$])[A-Za-z_]\w*")


def _by_name(text: str) -> dict[str, str]:
    starts = list(_BEGINS.finditer(text))
    ends = [m.start() for m in starts[1:]] + [len(text)]
    return {m[1]: text[m.start() : end].strip() for m, end in zip(starts, ends, strict=True)}


#: The text of each helper, by name, each after all constants it mentions.
FUNCTIONS: dict[str, str] = {}
for _text in (*SPECIAL, _ARITHMETIC, _PROBABILITIES, _LINES, _MATRICES):
    FUNCTIONS.update(_by_name(_text))


def words(text: str) -> list[str]:
    """The helpers that a text mentions."""
    return [word for word in _WORD.findall(_COMMENT.sub("", text)) if word in FUNCTIONS]


def needed(called: Iterable[str]) -> list[str]:
    """Helpers with all they call in their turn, in the table's order."""
    found: set[str] = set()
    waiting = list(called)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += words(FUNCTIONS[name])
    return [name for name in FUNCTIONS if name in found]
