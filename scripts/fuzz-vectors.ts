/**
 * Records what qemu-aarch64 answers to the floating-point and cryptographic instructions, for the tests of
 * src/cpu/softfloat and src/cpu/crypto: one line a case, numbers in hex.
 * usage: node scripts/fuzz-vectors.ts
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { CRC_OPS, CRYPTO_OPS } from './fuzz-crypto-ops.ts';
import { Random } from './fuzz-random.ts';
import { emptyCase, QEMU, runCases } from './fuzz-record.ts';
import { softfloatCase } from './fuzz-softfloat.ts';
import { SOFTFLOAT_OPS } from './fuzz-softfloat-ops.ts';

const PER_OP = 12;
const hex = (n: bigint | undefined): string => (n ?? 0n).toString(16);
const target = (name: string): URL => new URL(`../test/cpu/${name}`, import.meta.url);

const version = spawnSync('qemu-aarch64', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];

function softfloat(): string {
  const random = new Random(2024);
  const cases = SOFTFLOAT_OPS.flatMap((op) =>
    Array.from({ length: PER_OP }, () => ({ op, c: softfloatCase(op, random) })),
  );
  const outcomes = runCases(QEMU, cases.map(({ c }) => c)); // biome-ignore format: one line
  const lines = cases.map(({ op, c }, i) => {
    const o = outcomes[i];
    if (o?.signal !== 0) throw new Error(`${op.name}: signal ${o?.signal}`);
    const value = op.result === 'nzcv' ? o.nzcv : op.result === 'x' ? o.x[0] : o.v[0];
    const inputs = op.input === 'int' ? [c.x[1], 0n, 0n] : [c.v[2], c.v[4], c.v[6]];
    return [op.name, hex(c.fpcr), ...inputs.map(hex), hex(value), hex(o.fpsr)].join('; ');
  });
  return `# ${version}. operation; fpcr; operands 1–3; result; fpsr\n${lines.join('\n')}\n`;
}

function crypto(): string {
  const random = new Random(2025);
  const lines: string[] = [];
  for (const op of [...CRYPTO_OPS, ...CRC_OPS]) {
    const crc = CRC_OPS.includes(op);
    const cases = Array.from({ length: PER_OP }, () => {
      const c = emptyCase([op.word]);
      for (let i = 0; i < 6; i++) c.v[i] = random.oneIn(8) ? random.integer() : random.u64();
      for (let i = 0; i < 3; i++) c.x[i] = c.v[i * 2] as bigint;
      return c;
    });
    runCases(QEMU, cases).forEach((o, i) => {
      if (o.signal !== 0) throw new Error(`${op.name}: signal ${o.signal}`);
      const inputs = [...(cases[i]?.v.slice(0, 6) ?? [])].map(hex);
      lines.push([op.name, ...inputs, ...(crc ? [hex(o.x[0])] : [hex(o.v[0]), hex(o.v[1])])].join('; '));
    });
  }
  return `# ${version}. operation; v0–v2 (two words each, low first; for CRC x0–x2 at the low words); result\n${lines.join('\n')}\n`;
}

writeFileSync(target('softfloat/vectors.txt'), softfloat());
writeFileSync(target('crypto/vectors.txt'), crypto());
