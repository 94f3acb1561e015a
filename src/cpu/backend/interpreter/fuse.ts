import type { Value } from '../../ir/value.ts';
import { State } from '../../memory/layout.ts';
import { fitsImm, isSet, NONE, SlotEncoder, targetOf } from './slots.ts';

/** Words from which on a list is done by one record. */
const SHORTEST_LIST = 3;
const fitsHalf = (n: number): boolean => n >= 0 && n <= 0xffff;

/** What a kind of flags and its operands are written to. */
export const CC_FIELDS: readonly number[] = [State.CC_OP, State.CC_A, State.CC_B, State.CC_C];

/** Operations behind each other that one record does. */
export abstract class FusingEncoder extends SlotEncoder {
  /** Two words of 8 bytes beside each other are loaded or stored by one record: see `single`; null: there are not two. */
  protected pair(ops: readonly Value[], i: number): number | null {
    const [v, w, next, last] = ops.slice(i, i + 4) as [Value, ...(Value | undefined)[]];
    const { name } = v.info;
    if (w?.info.name !== name || v.a !== w.a || w.imm !== v.imm + 8 || v.hi !== 0 || w.hi !== 0) return null;
    const address = v.a as Value;
    if (name === 'i64.store') {
      const [a, d, b] = [address, v.b as Value, w.b as Value].map((x) => this.slot(x)) as [number, number, number];
      this.emit('storePair', d, a, b, v.imm);
      for (const x of [address, address, v.b, w.b]) this.used(x);
      return 1;
    }
    if (name !== 'i64.load') return null;
    const a = this.slot(address);
    this.used(address);
    this.used(address);
    const [first, second] = [targetOf(v, next), targetOf(w, last)];
    const direct = first !== NONE && second !== NONE && first !== second;
    const d = this.destination(v, direct ? first : NONE);
    const b = this.destination(w, direct ? second : NONE);
    this.emit('loadPair', d, a, b, v.imm);
    for (const x of [v, w]) if (x.uses === 0) this.temps.give(x.slot);
    return direct ? 3 : 1;
  }

  /** Last operation of the list that was begun. */
  protected listEnd = -1;

  /**
   * Words beside each other that are loaded into registers or stored from them, by rising numbers: one record for all,
   * and those of each behind it, for when that one finds no plain memory.
   */
  protected list(ops: readonly Value[], from: number): void {
    const first = ops[from] as Value;
    const { name } = first.info;
    const loads = name === 'i32.load';
    if (from < this.listEnd || (!loads && name !== 'i32.store')) return;
    let mask = 0;
    let count = 0;
    for (let i = from; i < ops.length; i += loads ? 2 : 1, count++) {
      const v = ops[i] as Value;
      if (v.info.name !== name || v.hi !== 0 || v.a !== first.a || v.imm !== first.imm + 4 * count) break;
      const offset = loads ? targetOf(v, ops[i + 1]) : (v.b as Value).slot;
      const n = (offset - State.REGS) / 8;
      if (!Number.isInteger(n) || n < 0 || n > 15 || mask >>> n !== 0 || (loads && v.uses !== 1)) break;
      mask |= 1 << n;
    }
    if (count < SHORTEST_LIST) return;
    const a = this.slot(first.a as Value);
    if (loads) {
      for (let n = 0; n < 16; n++) if ((mask & (1 << n)) !== 0) this.evict(State.REGS + 8 * n);
      // the address was in one of them
      if ((first.a as Value).slot !== a) return;
    }
    this.listEnd = from + (loads ? 2 : 1) * count;
    this.emit(loads ? 'loadList' : 'storeList', mask, a, count, first.imm);
  }

  /** The writes of a kind of flags and what they are of; see `single`; null: it is something else. */
  protected conditionCodes(ops: readonly Value[], i: number): number | null {
    const [v, w, x, y, z, last] = ops.slice(i, i + 6) as [Value, ...(Value | undefined)[]];
    const sets = (set: Value | undefined, offset: number): set is Value => isSet(set) && set.imm === offset;
    if (v.isConst && sets(w, State.CC_OP) && w.a === v && v.uses === 1) {
      if (!sets(x, State.CC_A)) return null;
      if (!sets(y, State.CC_B)) {
        this.setFlags(v.imm, x.a as Value, null, null);
        return 2;
      }
      // the record would read the second behind writing the first
      if ((y.a as Value).slot === State.CC_A) return null;
      this.setFlags(v.imm, x.a as Value, y.a as Value, null);
      return 3;
    }
    if (v.info.kind !== 'get' || v.imm !== State.CC_OP || v.uses !== 1 || x?.info.name !== 'i32.or') return null;
    if (x.a !== v || x.b !== w || !w?.isConst || !sets(y, State.CC_OP) || y.a !== x || x.uses !== 1) return null;
    if (!sets(z, State.CC_C) || !fitsHalf(w.imm)) return null;
    const [nz, carry] = [z.a as Value, sets(last, State.CC_D) ? (last.a as Value) : null];
    const [a, b] = [this.slot(nz), carry ? this.slot(carry) : 0];
    this.used(nz);
    this.used(carry);
    for (const offset of [State.CC_OP, State.CC_C, State.CC_D]) this.evict(offset);
    const moved = (of: Value, before: number): number => (of.left > 0 ? of.slot : before);
    this.emit(carry ? 'ccOver2' : 'ccOver', w.imm, moved(nz, a), carry ? moved(carry, b) : 0);
    return carry ? 5 : 4;
  }

  protected setFlags(kind: number, x: Value, y: Value | null, z: Value | null): void {
    const byImm = !z && y?.slot === NONE && fitsImm(y);
    const a = this.slot(x);
    const b = byImm || !y ? 0 : this.slot(y);
    const c = z ? this.slot(z) : 0;
    this.used(x);
    this.used(y);
    this.used(z);
    // operands that live in the CC slots themselves are read by the same record: only later uses move
    for (const offset of y ? CC_FIELDS : [State.CC_OP, State.CC_A]) this.evict(offset);
    const moved = (v: Value, before: number): number => (v.left > 0 ? v.slot : before);
    if (!y) this.emit('cc1', kind, moved(x, a));
    else if (byImm) this.emit('ccImm', kind, moved(x, a), 0, y.imm);
    else this.emit(z ? 'cc3' : 'cc', kind, moved(x, a), moved(y, b), z ? moved(z, c) : 0);
  }
}
