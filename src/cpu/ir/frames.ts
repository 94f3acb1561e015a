import type { Block } from './block.ts';
import type { Value } from './value.ts';

/** Operations looked at between the stack pointer and where it comes from. */
const DEPTH = 6;

/** Whether a value was made of the stack pointer. */
const isOfStack = (v: Value | null, sp: number, depth: number): boolean =>
  v !== null &&
  depth > 0 &&
  ((v.info.kind === 'get' && v.imm === sp) || isOfStack(v.a, sp, depth - 1) || isOfStack(v.b, sp, depth - 1));

/** Whether a value was loaded from somewhere that is not the stack, or made of such a value. */
const isFromElsewhere = (v: Value | null, sp: number, depth: number = DEPTH): boolean => {
  if (v === null || depth === 0) return false;
  if (v.info.kind === 'load') return !isOfStack(v.a, sp, DEPTH);
  return isFromElsewhere(v.a, sp, depth - 1) || isFromElsewhere(v.b, sp, depth - 1);
};

/**
 * A block that takes the stack pointer from memory and jumps, as longjmp does and what switches between stacks: nobody
 * returns to the frames above it. Its jump is a return: our frames go with the guest's, in place of new ones upon them. Flags
 * are kept, as nothing says that it is one of a procedure.
 */
export const leavingFrames = (block: Block, sp: number): Block => {
  const { terminal, ops } = block;
  if (terminal.kind !== 'jumpIndirect' || terminal.isReturn || terminal.guard) return block;
  const last = ops.findLast((v) => v.info.kind === 'set' && v.imm === sp);
  if (!last || !isFromElsewhere(last.a, sp)) return block;
  return { ...block, terminal: { ...terminal, isReturn: true, keepsFlags: true } };
};
