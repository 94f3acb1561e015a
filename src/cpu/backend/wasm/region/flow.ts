import type { Block, Terminal } from '../../../ir/block.ts';
import type { Region } from './discover.ts';

/** Stands for a block where ways meet only: the dispatch block, or a crossing. */
export const NO_INSTRUCTION: Block = {
  pc: -1,
  end: -1,
  ops: [],
  reads: [],
  terminal: { kind: 'jump', target: -1 },
  count: 0,
  flagsIn: -1,
  readsFlags: false,
  setsFlags: false,
  flagsOut: -1,
};

/** Pcs at which control may go on inside the function after a terminal. */
export const successorPcs = (block: Block, targets: Iterable<number>): readonly number[] => {
  const { guard } = block.terminal;
  return guard ? [...ownSuccessors(block, targets), guard.next] : ownSuccessors(block, targets);
};

/** Index of the block of a region at a pc that block b goes on to, or of the crossing on the way there; undefined: none. */
export const successorAt = (
  { blocks, succs, crossings }: Pick<Region, 'blocks' | 'succs' | 'crossings'>,
  b: number,
  pc: number,
): number | undefined => {
  const isAt = (s: number): boolean => (blocks[s] as Block).pc === pc;
  return (succs[b] as readonly number[]).find(
    (s) => isAt(s) || (crossings.has(s) && (succs[s] as readonly number[]).some(isAt)),
  );
};

const ownSuccessors = (block: Block, targets: Iterable<number>): readonly number[] => {
  const t: Terminal = block.terminal;
  switch (t.kind) {
    case 'jump':
      return [t.target];
    case 'branch':
      return [t.taken, t.next];
    case 'call':
    case 'callIndirect':
      return [t.ret];
    case 'syscall':
      return [t.next];
    case 'jumpIndirect':
      return t.isReturn ? [] : [...targets];
    default:
      return [];
  }
};

export const isCall = (b: Block): boolean => b.terminal.kind === 'call' || b.terminal.kind === 'callIndirect';

/** Flags kind behind a block that was entered with kind `at` (lifted for an unknown one). */
const kindOut = (block: Block, at: number): number => {
  if (isCall(block)) return UNKNOWN;
  if (block.setsFlags) return block.flagsOut;
  if (at >= 0) return at;
  // a block that asks at run time leaves the answer behind
  return block.readsFlags ? block.flagsOut : UNKNOWN;
};

const UNKNOWN = -1;
const TOP = -2;

/** Flags kind at each block's entry: what all predecessors agree on; nobody knows it where the region is entered. */
export const flagKinds = (
  order: readonly number[],
  lifted: ReadonlyMap<number, Block>,
  targets: ReadonlySet<number>,
  entries: readonly number[],
): ReadonlyMap<number, number> => {
  const entry = new Map(order.map((pc) => [pc, TOP]));
  for (const pc of entries) entry.set(pc, UNKNOWN);
  for (let changed = true; changed; ) {
    changed = false;
    for (const pc of order) {
      const block = lifted.get(pc) as Block;
      const at = entry.get(pc) as number;
      if (at === TOP) continue;
      const out = kindOut(block, at);
      for (const next of successorPcs(block, targets)) {
        const before = entry.get(next);
        if (before === undefined || before === UNKNOWN) continue;
        const after = before === TOP || before === out ? out : UNKNOWN;
        if (after !== before) {
          entry.set(next, after);
          changed = true;
        }
      }
    }
  }
  return entry;
};
