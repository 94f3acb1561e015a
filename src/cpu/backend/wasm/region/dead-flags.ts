import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import type { Region } from './discover.ts';
import { loopOf } from './hoist.ts';
import { dropsFlags, isFlags, writes } from './registers.ts';

/**
 * Where a loop brings flags along that nobody can read any more before they are written anew. Exits there do not store
 * them: kept for exits alone they would cost the loop some six stores for each turn. A signal handler finds older ones.
 */
export interface DeadFlags {
  /** At the entry of a loop, by its header's index. */
  readonly atEntry: readonly boolean[];
  /** In front of the instruction that an operation of a block is part of: an exit there begins it once more. */
  before(block: Block, v: Value): boolean;
}

/** What an operation does to the flags: needs them, or writes all of them; undefined: neither, or not surely. */
const effect = (v: Value, conditional: boolean): 'needs' | 'writes' | undefined => {
  const { kind } = v.info;
  if (kind === 'helper' || kind === 'native') return 'needs';
  if ((kind === 'get' || kind === 'peek' || kind === 'poke') && isFlags(v.imm)) return 'needs';
  return kind === 'cc' && !conditional ? 'writes' : undefined;
};

/** By operation of a block, the last first: whether the flags are needed in front of it, `after` telling of its end. */
const needsBackwards = (block: Block, after: boolean): boolean[] => {
  const needs: boolean[] = [];
  let needed = after;
  let conditional = false;
  for (let i = block.ops.length - 1; i >= 0; i--) {
    const v = block.ops[i] as Value;
    if (v.info.kind === 'when') conditional = v.info.name === 'when.end';
    const does = effect(v, conditional);
    if (does !== undefined) needed = does === 'needs';
    needs.push(needed);
  }
  return needs;
};

const blocksInLoops = ({ blocks, succs, cfg }: Region): Set<number> => {
  const preds = blocks.map((): number[] => []);
  for (const [b, next] of succs.entries()) for (const s of next) preds[s]?.push(b);
  return new Set(blocks.flatMap((_, b) => (cfg.isLoop[b] ? [...loopOf(b, preds, cfg)] : [])));
};

/**
 * Flags that are dead: on all ways on from there they are written before anybody reads them, calls and returns keeping
 * none of them unless `flagsCross`. What is behind the region's edge needs them.
 */
export const deadFlags = (region: Region, flagsCross: boolean): DeadFlags => {
  const { blocks, succs } = region;
  const leaves = (block: Block, b: number): boolean => {
    const { terminal: t } = block;
    if (block.pc === -1 || t.guard) return true;
    const known = (pc: number): boolean => (succs[b] as readonly number[]).some((s) => blocks[s]?.pc === pc);
    if (t.kind === 'jump') return !known(t.target);
    if (t.kind === 'branch') return !known(t.taken) || !known(t.next);
    return flagsCross || !dropsFlags(block);
  };
  const neededIn = blocks.map(() => false);
  const neededOut = blocks.map((block, b) => leaves(block, b));
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = blocks.length - 1; b >= 0; b--) {
      const block = blocks[b] as Block;
      const kept = block.terminal.kind === 'jump' || block.terminal.kind === 'branch';
      if (kept && (succs[b] as readonly number[]).some((s) => neededIn[s])) neededOut[b] = true;
      const needed = needsBackwards(block, neededOut[b] as boolean).at(-1) ?? (neededOut[b] as boolean);
      if (needed === neededIn[b]) continue;
      neededIn[b] = needed;
      changed = true;
    }
  }
  const dead = new Map<Block, Set<number>>();
  for (const b of blocksInLoops(region)) {
    const block = blocks[b] as Block;
    const needs = needsBackwards(block, neededOut[b] as boolean).reverse();
    // its own flags are there whenever it is left behind them
    const own = block.ops.findIndex((v) => writes(v).some(({ offset }) => isFlags(offset)));
    const first = new Map<number, number>();
    for (const [i, v] of block.ops.entries()) if (!first.has(v.pc)) first.set(v.pc, i);
    const pcs = [...first].filter(([, i]) => !needs[i] && (own < 0 || i <= own)).map(([pc]) => pc);
    dead.set(block, new Set(pcs));
  }
  return { atEntry: neededIn.map((needed) => !needed), before: (block, v) => dead.get(block)?.has(v.pc) ?? false };
};
