import type { Block } from '../ir/block.ts';
import type { HelperContext } from './helper.ts';

/** What the back ends need of a guest architecture. */
export interface FrontEnd {
  readonly name: string;
  /** State offset of the stack pointer. */
  readonly sp: number;
  /** Bytes of guest code as words; throws nothing: unreadable code ends the block before it. */
  liftBlock(code: DataView, pc: number, flagsIn: number, limit: number): Block;
  readonly helpers: readonly ((c: HelperContext, state: number, aux: number) => number)[];
  /** One line of assembly for the instruction at pc. */
  disassemble(code: DataView, pc: number): string;
}
