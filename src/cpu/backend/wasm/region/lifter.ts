import type { Block } from '../../../ir/block.ts';
import type { BlockSource } from './discover.ts';
import type { Shape } from './inline.ts';

/** Flags kinds, the unknown one among them. */
const KINDS = 256;

/**
 * What was found out for regions that are compiled together: they have much code in common, and nothing runs meanwhile.
 * Blocks that are kept for longer cost more than they save, as V8 has to move them.
 */
export interface Batch {
  /** IR by pc and flags kind. */
  readonly lifted: Map<number, Block | null>;
  /** Functions that may be in place of calls, by entry, as far as was asked; null: they may not. */
  readonly shapes: Map<number, Shape | null>;
}

const newBatch = (): Batch => ({ lifted: new Map(), shapes: new Map() });

/** Lifts the blocks of one region. */
export class RegionLifter {
  readonly batch: Batch;
  private readonly source: Pick<BlockSource, 'lift'>;
  private readonly given = new Set<Block>();

  constructor(source: Pick<BlockSource, 'lift'>, batch: Batch = newBatch()) {
    this.source = source;
    this.batch = batch;
  }

  /** A block to look at. */
  look(pc: number, flagsIn: number): Block | null {
    const { lifted } = this.batch;
    const key = pc * KINDS + flagsIn + 1;
    const known = lifted.get(key);
    if (known !== undefined) return known;
    const block = this.source.lift(pc, flagsIn);
    lifted.set(key, block);
    return block;
  }

  /** A block for the region: where it is there several times it has values of its own each time. */
  lift(pc: number, flagsIn: number): Block | null {
    const block = this.look(pc, flagsIn);
    return block && this.given.has(block) ? this.source.lift(pc, flagsIn) : block && this.give(block);
  }

  /** A block that was looked at is for the region. */
  give(block: Block): Block {
    this.given.add(block);
    return block;
  }
}
