import type { Terminal } from './block.ts';
import { isPure } from './native.ts';
import type { Value } from './value.ts';

/** The value that a terminal reads itself. */
export const terminalValue = (t: Terminal): Value | null => {
  if (t.kind === 'branch') return t.cond;
  if (t.kind === 'callIndirect' || t.kind === 'choice' || t.kind === 'jumpIndirect') return t.target;
  return null;
};

/** All values a terminal reads, that of its guard included. */
export const terminalValues = (t: Terminal): Value[] =>
  [terminalValue(t), t.guard?.cond ?? null].filter((v) => v !== null);

const removable = (v: Value): boolean => {
  const { kind } = v.info;
  return kind === 'pure' || kind === 'const' || kind === 'get' || kind === 'guard' || kind === 'peek';
};

/** A register write that was dropped: what reads the register from here up to the write that hides it finds its value. */
interface Hidden {
  readonly offset: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Dead code elimination for a finished block: drops operations nobody uses, and register writes that a
 * later write hides with no operation between them that could leave the block (faults see exact state). Of `reads` (see
 * Block) it takes away those that find what such a write wrote: nobody may leave in front of them and read the register.
 */
export const eliminateDeadCode = (ops: readonly Value[], terminal: Terminal, reads: number[] = []): Value[] => {
  for (const last of terminalValues(terminal)) last.uses++;
  const kept: Value[] = [];
  let overwritten = new Set<number>();
  const hidden: Hidden[] = [];
  /** By register, pc of the write kept last, where no operation behind it that belongs to its instruction may leave. */
  const writtenAt = new Map<number, number>();
  let leavesAt = -1;
  /** What is overwritten behind the conditional parts that we are in. */
  const behind: Set<number>[] = [];
  /** Whether something that a native has left is used, and whether the native that pokes are for was dropped. */
  let peeked = false;
  let useless = false;
  for (let i = ops.length - 1; i >= 0; i--) {
    const v = ops[i] as Value;
    const { kind } = v.info;
    let drop = false;
    if (kind === 'when') {
      if (v.info.name === 'when.end') behind.push(new Set(overwritten));
      else overwritten = overwritten.intersection(behind.pop() ?? new Set());
    } else if (kind === 'set' || kind === 'cc') {
      const key = kind === 'cc' ? -1 : v.imm;
      drop = overwritten.has(key);
      overwritten.add(key);
      const to = writtenAt.get(key);
      if (!drop && v.pc !== leavesAt) writtenAt.set(key, v.pc);
      else if (!drop) writtenAt.delete(key);
      else if (to !== undefined && reads.length > 0) hidden.push({ offset: key, from: v.pc, to });
    } else if (kind === 'get') {
      if (v.uses === 0) drop = true;
      else if (v.imm >= 0x80 && v.imm < 0xa0) overwritten.delete(-1);
      overwritten.delete(v.imm);
    } else if (kind === 'native' && isPure(v) && !peeked) {
      drop = useless = true;
    } else if (kind === 'poke' && v.hi === 1 && useless) {
      drop = true;
    } else if (removable(v)) {
      drop = v.uses === 0;
      if (kind === 'peek' && !drop) peeked = true;
      if (kind === 'guard' && !drop) {
        overwritten.clear();
        leavesAt = v.pc;
      }
    } else if (kind !== 'poke') {
      overwritten.clear();
      leavesAt = v.pc;
    }
    if (!drop) {
      if (kind === 'native' || kind === 'helper') peeked = false;
      if (kind !== 'get' && !removable(v)) useless = false;
      kept.push(v);
      continue;
    }
    if (v.a) v.a.uses--;
    if (v.b) v.b.uses--;
    if (v.c) v.c.uses--;
  }
  if (hidden.length > 0) dropReads(reads, hidden);
  return kept.reverse();
};

const dropReads = (reads: number[], hidden: readonly Hidden[]): void => {
  let n = 0;
  for (let i = 0; i < reads.length; i += 2) {
    const [pc, offset] = [reads[i] as number, reads[i + 1] as number];
    if (hidden.some((h) => h.offset === offset && h.from < pc && pc <= h.to)) continue;
    reads[n++] = pc;
    reads[n++] = offset;
  }
  reads.length = n;
};
