/**
 * Compares src/cpu/softfloat/x87 with the host's processor (x86-64), operation by operation, over random operands and
 * control words.
 * usage: node scripts/fuzz-x87.ts [cases per operation] [seed] [part of an operation's name]
 */
import { X87Env } from '../src/cpu/softfloat/x87/ext.ts';
import { Random } from './fuzz-random.ts';
import { HARNESS_X86_64, runCasesX86 } from './fuzz-record-x86.ts';
import { answerOf, describe, inputOf, X87_OPS, type X87Op, type X87State, x87Case } from './fuzz-x87-ops.ts';

const C1 = 0x200;
const env = new X87Env();

/** What our library says: the state and the status word. */
export function x87Answer(op: X87Op, cw: number, s: X87State): { s: X87State; sw: number } {
  env.begin(cw);
  const codes = op.run(env, s) ?? 0;
  return { s, sw: env.flags | codes };
}

/** Units in the last place between two results of one sign, or infinity. */
function distance(a: X87State['a'], b: X87State['a']): number {
  if (a.se === b.se && a.hi === b.hi && a.lo === b.lo) return 0;
  const value = (e: typeof a): bigint => (BigInt(e.se) << 63n) + ((BigInt(e.hi >>> 0) << 32n) | BigInt(e.lo >>> 0));
  const d = value(a) - value(b);
  return Math.abs(Number(d > 0n ? d : -d));
}

/** Null where ours is theirs, else both. */
export function x87Difference(
  op: X87Op,
  ours: { s: X87State; sw: number },
  theirs: { s: X87State; sw: number },
): string | null {
  const mine = describe(ours.s, ours.sw);
  const his = describe(theirs.s, theirs.sw);
  if (mine === his) return null;
  if (op.ulp !== undefined && ((ours.sw ^ theirs.sw) & ~C1) === 0) {
    const far = Math.max(distance(ours.s.a, theirs.s.a), distance(ours.s.b, theirs.s.b));
    if (far <= op.ulp) return null;
  }
  return `host ${his}\nours ${mine}`;
}

function main(): void {
  const [count = '2000', seed = '1', part = ''] = process.argv.slice(2);
  let bad = 0;
  for (const op of X87_OPS) {
    if (!op.name.includes(part)) continue;
    const random = new Random(Number(seed) + (op.bytes[0] as number) * 256 + (op.bytes[1] as number));
    const cases = Array.from({ length: Number(count) }, () => x87Case(op, random));
    let shown = 0;
    let own = 0;
    runCasesX86([HARNESS_X86_64], cases).forEach((outcome, i) => {
      const { cw, s } = inputOf(cases[i] as (typeof cases)[0]);
      if (op.undefined?.(s)) return;
      const before = describe(s, 0);
      const found = x87Difference(op, x87Answer(op, cw, s), answerOf(op, outcome));
      if (!found && outcome.signal === 0) return;
      own += 1;
      if (shown++ < 3) console.log(`${op.name} cw=${cw.toString(16)} ${before}\n${found}`);
    });
    bad += own;
    if (own > 0) console.log(`${op.name}: ${own} of ${count} differ`);
  }
  console.log(`${bad} differences`);
  process.exitCode = bad === 0 ? 0 : 1;
}

if (import.meta.main) main();
