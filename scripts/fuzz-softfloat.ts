/**
 * Compares src/cpu/softfloat with qemu-aarch64, instruction by instruction, over random operands and FPCR settings.
 * usage: node scripts/fuzz-softfloat.ts [cases per operation] [seed] [part of an operation's name]
 */
import { FpEnv } from '../src/cpu/softfloat/env.ts';
import { randomFpcr } from './fuzz-generate.ts';
import { Random } from './fuzz-random.ts';
import { type Case, emptyCase, QEMU, runCases } from './fuzz-record.ts';
import { SOFTFLOAT_OPS, type SoftfloatOp } from './fuzz-softfloat-ops.ts';

/** A case that runs one operation on random operands. */
export function softfloatCase(op: SoftfloatOp, random: Random): Case {
  const c = emptyCase([op.word]);
  c.fpcr = BigInt(randomFpcr(random));
  c.x[1] = random.integer();
  for (let i = 1; i <= 3; i++) c.v[i * 2] = random.float(op.input === 'int' ? 64 : op.input.bits);
  // Equal, opposite and neighbouring operands are where sums cancel.
  if (random.oneIn(8))
    c.v[4] = ((c.v[2] as bigint) ^ (random.oneIn(2) ? signBit(op) : 0n)) + (random.oneIn(2) ? 0n : 1n);
  return c;
}

const signBit = (op: SoftfloatOp): bigint => (op.input === 'int' ? 0n : op.input.signBit);

/** What our library says of a case: the value of the result and the FPSR. */
export function softfloatAnswer(op: SoftfloatOp, c: Case): { value: bigint; fpsr: bigint } {
  const env = new FpEnv(Number(c.fpcr));
  const width = op.input === 'int' ? 64 : op.input.bits;
  const operand = (i: number): bigint =>
    BigInt.asUintN(width, op.input === 'int' ? (c.x[1] as bigint) : (c.v[i * 2] as bigint));
  const value = op.run(env, operand(1), operand(2), operand(3));
  return { value, fpsr: BigInt(env.flags) };
}

function main(): void {
  const [count = '2000', seed = '1', part = ''] = process.argv.slice(2);
  let bad = 0;
  for (const op of SOFTFLOAT_OPS) {
    if (!op.name.includes(part)) continue;
    const random = new Random(Number(seed) + op.word);
    const cases = Array.from({ length: Number(count) }, () => softfloatCase(op, random));
    let shown = 0;
    runCases(QEMU, cases).forEach((outcome, i) => {
      const c = cases[i] as Case;
      const ours = softfloatAnswer(op, c);
      const theirs =
        op.result === 'nzcv' ? outcome.nzcv : op.result === 'x' ? (outcome.x[0] as bigint) : (outcome.v[0] as bigint);
      if (outcome.signal === 0 && ours.value === theirs && ours.fpsr === outcome.fpsr) return;
      bad += 1;
      if (shown++ >= 3) return;
      const hex = (n: bigint | undefined): string => (n ?? 0n).toString(16);
      console.log(
        `${op.name} fpcr=${hex(c.fpcr)} v1=${hex(c.v[2])} v2=${hex(c.v[4])} v3=${hex(c.v[6])} x1=${hex(c.x[1])}: ` +
          `qemu ${hex(theirs)} fpsr ${hex(outcome.fpsr)} signal ${outcome.signal}, ours ${hex(ours.value)} fpsr ${hex(ours.fpsr)}`,
      );
    });
  }
  console.log(`${bad} differences`);
  process.exitCode = bad === 0 ? 0 : 1;
}

if (import.meta.main) main();
