/** Cases of x86-64 and i386 with a processor's answers: one line a case. */
import { createHash } from 'node:crypto';
import { Random } from '../../scripts/fuzz-random.ts';
import { type CaseX86, FX, type OutcomeX86, viewOf } from '../../scripts/fuzz-record-x86.ts';
import { caseOf, FLAGS_X86, syntaxesOf } from '../../scripts/fuzz-x86.ts';
import { undefinedFlags } from './known-differences-x86.ts';

export const GUESTS = ['x86_64', 'i386'] as const;
export type GuestX86 = (typeof GUESTS)[number];

/** Guest, mode, seed of the registers and memory, instructions in hex with colons between them, digest of the answer. */
export interface RecordedX86 {
  readonly guest: GuestX86;
  readonly exact: boolean;
  readonly seed: number;
  readonly instructions: readonly (readonly number[])[];
  readonly digest: string;
}

export function parseLine(line: string): RecordedX86 {
  const [guest, mode, seed, code, digest] = line.split(' ') as [GuestX86, string, string, string, string];
  const instructions = code.split(':').map((hex) => [...Buffer.from(hex, 'hex')]);
  return { guest, exact: mode === 'exact', seed: Number(seed), instructions, digest };
}
export const formatLine = (r: RecordedX86): string =>
  [r.guest, r.exact ? 'exact' : 'fast', r.seed, r.instructions.map((i) => Buffer.from(i).toString('hex')).join(':'), r.digest].join(' '); // biome-ignore format: one line

export const caseOfLine = (r: RecordedX86): CaseX86 =>
  caseOf(r.instructions, new Random(r.seed), r.guest === 'x86_64', r.exact);

/** What a case did, but for what is left undefined and for what the fast mode does not keep. */
export function digestX86(c: CaseX86, o: OutcomeX86, guest: GuestX86, exact: boolean): string {
  const hash = createHash('sha1');
  const last = syntaxesOf(c, guest === 'x86_64').at(-1) ?? '';
  hash.update(
    `${o.signal} ${o.signal ? o.pc : 0} ${[...o.gpr].join(' ')} ${o.eflags & FLAGS_X86 & ~undefinedFlags(last)}`,
  );
  const view = viewOf(o.xsave);
  hash.update(`${view.getUint16(FX.cw as number, true)} ${view.getUint16(FX.sw as number, true)} ${view.getUint8(FX.tag as number)}`); // biome-ignore format: one line
  if (exact) hash.update(`${view.getUint32(FX.mxcsr as number, true)}`);
  hash.update(o.xsave.subarray(FX.st as number, 416));
  hash.update(o.xsave.subarray(FX.ymmh as number));
  hash.update(o.memory);
  return hash.digest('hex').slice(0, 12);
}
