import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import type { Region } from './discover.ts';
import { dropsFlags, isFlags } from './registers.ts';

/** Where nobody can read the flags any more before they are written anew. */
export interface DeadFlags {
  /** At the entry of a block, by index. */
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

/**
 * Flags that are dead: on all ways on from there they are written before anybody reads them, calls and returns keeping
 * none of them unless `flagsCross`. What is behind the region's edge needs them.
 */
export const deadFlags = ({ blocks, succs }: Region, flagsCross: boolean): DeadFlags => {
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
  const dead = new Map<Block, Map<number, boolean>>();
  for (const [b, block] of blocks.entries()) {
    const byPc = new Map<number, boolean>();
    const needs = needsBackwards(block, neededOut[b] as boolean).reverse();
    for (const [i, v] of block.ops.entries()) if (!byPc.has(v.pc)) byPc.set(v.pc, !needs[i]);
    dead.set(block, byPc);
  }
  return { atEntry: neededIn.map((needed) => !needed), before: (block, v) => dead.get(block)?.get(v.pc) ?? false };
};
