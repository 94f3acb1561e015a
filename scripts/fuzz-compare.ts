/** Comparing two outcomes of one case, and printing what differs. */
import type { Case, Outcome } from './fuzz-record.ts';

/** One difference: where, theirs (the oracle's), ours. */
export interface Difference {
  readonly where: string;
  readonly theirs: string;
  readonly ours: string;
}

const hex = (n: bigint | number): string => `0x${n.toString(16)}`;

/** Differences in registers, flags, memory and signal; `fpsr: false` leaves FPSR out (the fast mode keeps none). */
export function compareOutcomes(
  theirs: Outcome,
  ours: Outcome,
  options: { fpsr: boolean; address: boolean },
): Difference[] {
  const list: Difference[] = [];
  const check = (where: string, a: bigint | number, b: bigint | number): void => {
    if (a !== b) list.push({ where, theirs: hex(a), ours: hex(b) });
  };
  check('signal', theirs.signal, ours.signal);
  if (theirs.signal !== 0) check('pc', theirs.pc, ours.pc);
  if (options.address) {
    check('si_code', theirs.code, ours.code);
    check('si_addr', theirs.address, ours.address);
  }
  for (let i = 0; i < 31; i++) check(`x${i}`, theirs.x[i] as bigint, ours.x[i] as bigint);
  check('sp', theirs.sp, ours.sp);
  check('nzcv', theirs.nzcv, ours.nzcv);
  check('fpcr', theirs.fpcr, ours.fpcr);
  if (options.fpsr) check('fpsr', theirs.fpsr, ours.fpsr);
  for (let i = 0; i < 64; i++) check(`v${i >> 1}.d[${i & 1}]`, theirs.v[i] as bigint, ours.v[i] as bigint);
  for (let i = 0; i < theirs.memory.length; i++) {
    if (theirs.memory[i] !== ours.memory[i]) {
      check(`memory[${hex(i)}]`, theirs.memory[i] as number, ours.memory[i] as number);
    }
  }
  return list;
}

/** Registers a word may name, for printing the inputs of a one-instruction case. */
export function describeInputs(c: Case, word: number): string {
  const parts: string[] = [];
  if (c.thumb !== undefined || word === -1) {
    for (let n = 0; n < 15; n++) if (n !== 13) parts.push(`r${n}=${hex(c.x[n] as bigint)}`);
    for (let n = 0; n < 32; n++) parts.push(`d${n}=${hex(c.v[n] as bigint)}`);
    return `cpsr=${hex(c.nzcv)} fpscr=${hex(c.fpcr | c.fpsr)} sp=${hex(c.sp)} ${parts.join(' ')}`;
  }
  for (const n of new Set([word & 31, (word >>> 5) & 31, (word >>> 16) & 31, (word >>> 10) & 31])) {
    if (n < 31) parts.push(`x${n}=${hex(c.x[n] as bigint)}`);
    parts.push(`v${n}=${hex(((c.v[n * 2 + 1] as bigint) << 64n) | (c.v[n * 2] as bigint))}`);
  }
  return `nzcv=${hex(c.nzcv >> 28n)} fpcr=${hex(c.fpcr)} fpsr=${hex(c.fpsr)} sp=${hex(c.sp)} ${parts.join(' ')}`;
}
