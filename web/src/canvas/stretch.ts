// A stretched axis: room is put in at places, and all that lies beyond moves on. Nothing ever comes
// closer to anything else, so what did not overlap before does not overlap after. It knows no shapes.

/** From `after` to `to` there have to be so much more than there was. */
export interface Wish {
  after: number;
  to: number;
  more: number;
  /** It may be left unfulfilled where any place for it would do harm. */
  idle: boolean;
}

export class Stretch {
  private readonly at: number[] = []; // in order; what lies there or beyond is moved
  private readonly by: number[] = []; // all that is put in up to and with each place

  /** How far a place is moved. */
  shift(place: number): number {
    let low = 0;
    let high = this.at.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle]! <= place) low = middle + 1;
      else high = middle;
    }
    return low ? this.by[low - 1]! : 0;
  }

  to(place: number): number {
    return place + this.shift(place);
  }

  private insert(at: number, more: number): void {
    let n = this.at.length;
    while (n && this.at[n - 1]! > at) n--;
    const before = n ? this.by[n - 1]! : 0;
    this.at.splice(n, 0, at);
    this.by.splice(n, 0, before);
    for (; n < this.by.length; n++) this.by[n]! += more;
  }

  /**
   * Put in only what is missing, wish by wish from the near end to the far one, as late as can be:
   * so wishes that overlap share their room. `harm` says how bad a place is, `places` where it changes.
   */
  fulfil(wishes: Wish[], places: number[] = [], harm: (at: number) => number = () => 0): void {
    const order = [...wishes].sort((a, b) => a.to - b.to || b.after - a.after);
    for (const wish of order) {
      const missing = wish.more - (this.shift(wish.to) - this.shift(wish.after));
      if (missing <= 0.005) continue;
      let best = wish.to;
      let least = harm(best);
      for (const at of least ? places : []) {
        if (at <= wish.after || at > wish.to) continue;
        const found = harm(at);
        if (found < least || (found === least && at > best)) [best, least] = [at, found];
      }
      if (!least || !wish.idle) this.insert(best, missing);
    }
  }
}
