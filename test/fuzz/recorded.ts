/** Cases of the instruction table with qemu-aarch64's answers, kept as text: one line a case, what it changed. */
import { fillCase, RowGenerator, randomFpcr } from '../../scripts/fuzz-generate.ts';
import { Random } from '../../scripts/fuzz-random.ts';
import { type Case, emptyCase, type Outcome } from '../../scripts/fuzz-record.ts';
import type { Translator } from '../../src/cpu/frontend/aarch64/translator.ts';
import type { Row } from '../../src/cpu/frontend/row.ts';

/** Control flow, system registers and exclusives need the emulator; literals read outside the case. */
const NOT_HERE =
  /^(b|bl|b\.<cond>|cb\S*|tb\S*|br|blr|ret|svc|hvc|smc|brk|hlt|udf|sys|mrs|msr|isb|sb|dsb|dmb|clrex|hint)(\s|$)|<label>|^(st\{l\}|ld\{a\}|ld<atomic>|swp|cas|ldar|stlr|ldlar|stllr|ldapr)/;

/** Whether a row can run as one lifted block. */
export const runsAlone = (row: Row<Translator>): boolean => row.lift !== null && !NOT_HERE.test(row.syntax);

/** The n-th case of a row, the same for ever: its seed comes from the row's own text. */
export function rowCase(row: Row<Translator>, n: number, exact: boolean): Case {
  let seed = n * 2 + (exact ? 1 : 0);
  for (const letter of row.syntax + row.text) seed = (Math.imul(seed, 31) + letter.charCodeAt(0)) | 0;
  const random = new Random(seed);
  const c = emptyCase([new RowGenerator(row).word(random, 0)]);
  fillCase(c, random);
  if (exact) {
    c.fpcr = BigInt(randomFpcr(random));
    c.fpsr = random.oneIn(2) ? 0n : BigInt(random.u32() & 0x0800_009f);
  }
  return c;
}

/** What a case changed: `x3=… v7.1=… m3a0=…`, or the signal that ended it. */
export function describeChanges(c: Case, o: Outcome, exact: boolean): string {
  // a fault may leave a partial result behind in the oracle; its registers are not compared here
  if (o.signal !== 0) return `signal ${o.signal}`;
  const parts: string[] = [];
  const note = (name: string, before: bigint | number, after: bigint | number): void => {
    if (before !== after) parts.push(`${name}=${after.toString(16)}`);
  };
  for (let i = 0; i < 31; i++) note(`x${i}`, c.x[i] as bigint, o.x[i] as bigint);
  note('sp', c.sp, o.sp);
  note('nzcv', c.nzcv, o.nzcv);
  if (exact) note('fpsr', c.fpsr, o.fpsr);
  for (let i = 0; i < 64; i++) note(`v${i >> 1}.${i & 1}`, c.v[i] as bigint, o.v[i] as bigint);
  for (let i = 0; i < c.memory.length; i++) note(`m${i.toString(16)}`, c.memory[i] as number, o.memory[i] as number);
  return parts.join(' ');
}

/** First part of a case's line, by which the answer is found again. */
export const caseKey = (c: Case, row: Row<Translator>, n: number, exact: boolean): string =>
  `${exact ? 'exact' : 'fast'} ${n} ${(c.words[0] as number).toString(16)} ${row.syntax}`;
