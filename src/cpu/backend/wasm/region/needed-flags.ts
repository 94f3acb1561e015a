import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import type { Region } from './discover.ts';
import { ALL, type FlagSet, fieldAt, isFlags } from './flag-fields.ts';
import { loopOf } from './hoist.ts';
import { dropsFlags, writes } from './registers.ts';

/**
 * What a region's exits store of the flags: fields that are written anew before anybody can read them are left as they
 * are in memory, where a loop would have to bring them along for its exits alone, some six stores for each turn. A signal
 * handler finds older flags then. Outside of loops, and behind what a block sets itself, all are stored.
 */
export interface NeededFlags {
  /** At a loop's header, by block. */
  readonly atEntry: readonly FlagSet[];
  /** In front of the instruction that an operation of a block is part of: an exit there begins it once more. */
  before(v: Value): FlagSet;
}

/** Fields needed in front of each operation, given those needed behind the block. */
const needsOf = (block: Block, behind: FlagSet): FlagSet[] => {
  const needs = new Array<FlagSet>(block.ops.length);
  let needed = behind;
  let conditional = false;
  for (let i = block.ops.length - 1; i >= 0; i--) {
    const v = block.ops[i] as Value;
    const { kind, name } = v.info;
    if (kind === 'when') conditional = name === 'when.end';
    // what is written under a condition may keep its value
    if (!conditional) for (const { offset } of writes(v)) if (isFlags(offset)) needed &= ~fieldAt(offset);
    if (kind === 'helper' || kind === 'native' || kind === 'peek' || kind === 'poke') needed = ALL;
    else if (kind === 'get' && isFlags(v.imm)) needed |= fieldAt(v.imm);
    needs[i] = needed;
  }
  return needs;
};

const blocksInLoops = ({ blocks, succs, cfg }: Region): Set<number> => {
  const preds = blocks.map((): number[] => []);
  for (const [b, next] of succs.entries()) for (const s of next) preds[s]?.push(b);
  return new Set(blocks.flatMap((_, b) => (cfg.isLoop[b] ? [...loopOf(b, preds, cfg)] : [])));
};

/** Calls and returns need no flags unless `flagsCross`; what is behind the region's edge needs all. */
export const neededFlags = (region: Region, flagsCross: boolean): NeededFlags => {
  const { blocks, succs } = region;
  const goesOn = ({ terminal: t }: Block): boolean => !t.guard && (t.kind === 'jump' || t.kind === 'branch');
  const outside = (block: Block, b: number): FlagSet => {
    const { terminal: t } = block;
    if (block.pc === -1 || t.guard) return ALL;
    const known = (pc: number): boolean => (succs[b] as readonly number[]).some((s) => blocks[s]?.pc === pc);
    if (t.kind === 'jump') return known(t.target) ? 0 : ALL;
    if (t.kind === 'branch') return known(t.taken) && known(t.next) ? 0 : ALL;
    return !flagsCross && dropsFlags(block) ? 0 : ALL;
  };
  const out = blocks.map(outside);
  const atEntry = blocks.map(() => 0);
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = blocks.length - 1; b >= 0; b--) {
      const block = blocks[b] as Block;
      if (goesOn(block))
        for (const s of succs[b] as readonly number[]) out[b] = (out[b] as FlagSet) | (atEntry[s] as FlagSet);
      const needed = needsOf(block, out[b] as FlagSet)[0] ?? (out[b] as FlagSet);
      if (needed === atEntry[b]) continue;
      atEntry[b] = needed;
      changed = true;
    }
  }
  const byOperation = new Map<Value, FlagSet>();
  for (const b of blocksInLoops(region)) {
    const { ops } = blocks[b] as Block;
    const needs = needsOf(blocks[b] as Block, out[b] as FlagSet);
    const begins = new Map<number, FlagSet>();
    for (const [i, v] of ops.entries()) {
      if (!begins.has(v.pc)) begins.set(v.pc, needs[i] as FlagSet);
      byOperation.set(v, begins.get(v.pc) as FlagSet);
      // from here on flags are set, perhaps those of an instruction before this one
      if (writes(v).some(({ offset }) => isFlags(offset))) break;
    }
  }
  return { atEntry, before: (v) => byOperation.get(v) ?? ALL };
};
