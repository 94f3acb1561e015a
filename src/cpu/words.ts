/** A growing list of words. */
export class Words {
  /** Longer than the list. */
  buf: Uint32Array<ArrayBuffer>;
  length: number;

  constructor(start?: Uint32Array, room = 1024) {
    this.length = start?.length ?? 0;
    this.buf = new Uint32Array(Math.max(room, this.length * 2));
    if (start) this.buf.set(start);
  }

  /** Make the list longer by `count` words, which may hold anything; returns where they are. */
  extend(count: number): number {
    const at = this.length;
    this.length = at + count;
    if (this.length > this.buf.length) {
      const bigger = new Uint32Array(2 * this.length);
      bigger.set(this.buf);
      this.buf = bigger;
    }
    return at;
  }

  push(word: number): void {
    const at = this.extend(1);
    this.buf[at] = word;
  }

  get view(): Uint32Array<ArrayBuffer> {
    return this.buf.subarray(0, this.length);
  }
}
