/** Bytes on their way, in the pieces they came in. */
export class ByteQueue {
  length = 0;
  private readonly pieces: Uint8Array[] = [];
  private first = 0;

  /** Takes over the array. */
  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.length += piece.length;
  }

  /** Copy what fits; with `keep` it stays. `into` null: throw so many away. */
  take(into: Uint8Array | null, count: number, keep: boolean): number {
    const total = Math.min(count, this.length);
    let done = 0;
    let offset = this.first;
    let whole = 0;
    for (const piece of this.pieces) {
      if (done === total) break;
      const n = Math.min(total - done, piece.length - offset);
      into?.set(piece.subarray(offset, offset + n), done);
      done += n;
      offset += n;
      if (offset < piece.length) break;
      offset = 0;
      whole++;
    }
    if (keep) return total;
    this.pieces.splice(0, whole);
    this.first = offset;
    this.length -= total;
    return total;
  }

  clear(): void {
    this.pieces.length = 0;
    this.first = 0;
    this.length = 0;
  }
}
