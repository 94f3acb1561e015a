import type { Value } from '../../../ir/value.ts';

/** One check that covers several accesses of a block: bytes [min, max) from the base value. */
export interface AccessGroup {
  readonly first: Value;
  min: number;
  max: number;
}

/** Whether an operation writes guest memory (atomic read-modify-writes do). */
export const isWrite = (v: Value): boolean =>
  v.info.kind === 'store' || (v.info.kind === 'atomic' && !v.info.name.includes('.load'));

/**
 * Group a block's accesses by base value: the first one checks for all of them. A check that fails for
 * the sake of a later access only costs time, since the cold tier then takes the instructions one by
 * one. `reach` is how far apart the accesses of a group may lie.
 */
export const groupAccesses = (ops: readonly Value[], reach: (v: Value) => number): ReadonlyMap<Value, AccessGroup> => {
  const groups = new Map<Value, AccessGroup>();
  const open = new Map<Value, { read?: AccessGroup; write?: AccessGroup }>();
  for (const v of ops) {
    const { kind, size } = v.info;
    if (kind === 'helper' || kind === 'when') open.clear();
    if (kind === 'atomic') groups.set(v, { first: v, min: 0, max: size });
    if ((kind !== 'load' && kind !== 'store') || !v.a) continue;
    const min = v.imm;
    const max = v.imm + size;
    const known = open.get(v.a) ?? {};
    open.set(v.a, known);
    const covering = known.write && known.write.min <= min && max <= known.write.max ? known.write : undefined;
    const current = isWrite(v) ? known.write : (covering ?? known.read);
    if (current && Math.max(max, current.max) - Math.min(min, current.min) <= reach(v)) {
      current.min = Math.min(min, current.min);
      current.max = Math.max(max, current.max);
      groups.set(v, current);
      continue;
    }
    const group = { first: v, min, max };
    groups.set(v, group);
    if (isWrite(v)) known.write = group;
    else known.read = group;
  }
  return groups;
};
