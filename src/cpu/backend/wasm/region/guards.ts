import type { Value } from '../../../ir/value.ts';

export const NONE: ReadonlySet<Value> = new Set();

/** A guard that multiplies and adds itself. */
export const isFused = (name: string): boolean => /_n?m(add|sub)$/.test(name);

/** Operations that make a NaN of a NaN. */
const passesNaN = /^f(32|64)(x[24])?\.(add|sub|mul|div|neg|abs|sqrt)$/;

/**
 * Guards whose result goes nowhere but into other guards of the same instruction: those see its NaN too, and what is
 * done again for it is the whole instruction. The product of a multiplication and addition is one.
 */
export const coveredGuards = (ops: readonly Value[]): ReadonlySet<Value> => {
  let found: Set<Value> | null = null;
  for (let i = 0; i < ops.length; i++) {
    const v = ops[i] as Value;
    if (v.info.kind !== 'guard' || v.uses === 0) continue;
    const reached = new Set([v]);
    let guarded = false;
    let left = v.uses;
    for (let k = i + 1; k < ops.length && ops[k]?.pc === v.pc && left > 0; k++) {
      const user = ops[k] as Value;
      const uses = [user.a, user.b, user.c].filter((x) => x !== null && reached.has(x)).length;
      if (uses === 0) continue;
      left -= uses;
      if (user.info.kind === 'guard') guarded ||= isFused(user.info.name) || reached.has(user.a as Value);
      else if (passesNaN.test(user.info.name)) {
        reached.add(user);
        left += user.uses;
      } else break;
    }
    if (left === 0 && guarded) {
      found ??= new Set();
      found.add(v);
    }
  }
  return found ?? NONE;
};
