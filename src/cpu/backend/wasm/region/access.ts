import type { Value } from '../../../ir/value.ts';

/** Whether an operation writes guest memory (atomic read-modify-writes do). */
export const isWrite = (v: Value): boolean =>
  v.info.kind === 'store' || (v.info.kind === 'atomic' && !v.info.name.includes('.load'));

/** Whether an operation reads or writes guest memory. */
export const isAccess = (v: Value): boolean =>
  v.info.kind === 'load' || v.info.kind === 'store' || v.info.kind === 'atomic';
