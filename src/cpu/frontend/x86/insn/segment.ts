import type { Value } from '../../../ir/value.ts';
import { Exit } from '../../../memory/layout.ts';
import type { Int, Size } from '../flags.ts';
import { leaveBehind, loadSelector, trapBehind } from '../helpers/system.ts';
import { Seg, Single, Sys, selectorOffset } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';

type I32 = Value<'i32'>;

/** Only six segment registers exist. */
const exists = (t: Translator, n: number): boolean => {
  if (n <= Seg.GS) return true;
  t.undefined();
  return false;
};

const read = (t: Translator, n: number): I32 => t.b.get('i32', selectorOffset(n));
const write = (t: Translator, n: number, v: Int): void => {
  if (n === Seg.CS) return t.undefined();
  t.b.set(Sys.OPERAND, t.convert(t.zx(v, 2), 4, 8, false));
  t.helper(loadSelector, n);
};
/** Behind the change of a segment register: if there are flat segments where there were not, or the reverse, others go on. */
const settle = (t: Translator): void => {
  // one by itself is followed by nothing
  if (t.is64 || t.alone || t.terminal) return;
  const { i32 } = t.b;
  const now = i32.and(t.b.get('i32', Sys.SINGLE), t.imm(Single.SEGMENTED));
  t.b.beginWhen(t.segmented ? i32.eqz(now) : now);
  t.helper(leaveBehind, t.d.length);
  t.b.endWhen();
};

/** To memory always 16 bits. */
const moveFrom = (t: Translator): void => {
  const n = t.d.reg & 7;
  if (!exists(t, n)) return;
  const v = read(t, n) as Value as Int;
  if (t.d.mod !== 3) t.storeInt(v, 2);
  else t.setReg(t.d.rm, t.convert(v, 4, t.size, false), t.size);
};
const moveTo = (t: Translator): void => {
  const n = t.d.reg & 7;
  if (!exists(t, n)) return;
  write(t, n, t.rm(2));
  settle(t);
};
const push = (t: Translator, n: number): void => {
  const size = t.stackSize;
  t.push(t.convert(read(t, n) as Value as Int, 4, size, false), size);
};
const pop = (t: Translator, n: number): void => {
  const size = t.stackSize;
  write(t, n, t.peek(2));
  t.drop(size);
  settle(t);
};
/** LES, LDS, LSS, LFS, LGS: a register and a segment register from memory. */
const loadFar = (t: Translator, n: number): void => {
  const { size } = t;
  const v = t.loadInt(size);
  write(t, n, t.loadInt(2, t.ea(), size));
  t.setR(v, size);
  settle(t);
};

/** BOUND: an index between two limits (#BR). */
const bound = (t: Translator): void => {
  const size: Size = t.size;
  const { i32 } = t.b;
  const v = t.sx(t.r(size), size) as Value as I32;
  const low = t.sx(t.loadInt(size), size) as Value as I32;
  const high = t.sx(t.loadInt(size, t.ea(), size), size) as Value as I32;
  t.exitWhen(i32.or(i32.lt_s(v, low), i32.gt_s(v, high)), Exit.BOUND);
};
/** INTO (#OF): a trap, whose handler goes on behind it. */
const overflow = (t: Translator): void => {
  t.b.beginWhen(t.cond(0));
  t.helper(trapBehind, t.d.length);
  t.b.endWhen();
};

const PUSHES: readonly (readonly [string, number])[] = [['06', Seg.ES], ['0E', Seg.CS], ['16', Seg.SS], ['1E', Seg.DS]]; // biome-ignore format: a table
const POPS: readonly (readonly [string, number])[] = [
  ['07', Seg.ES],
  ['17', Seg.SS],
  ['1F', Seg.DS],
];
const NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

/** SDM vol. 1, 5.1.11: segment registers */
// biome-ignore format: one instruction per line
export const segmentRows: readonly X86Row[] = [
  insn('8C /r', 'mov r/m, sreg', moveFrom),
  insn('8E /r', 'mov sreg, r/m16', moveTo),
  ...PUSHES.map(([code, n]) => insn(code, `push ${NAMES[n]}`, (t) => push(t, n), 32)),
  ...POPS.map(([code, n]) => insn(code, `pop ${NAMES[n]}`, (t) => pop(t, n), 32)),
  insn('0F A0', 'push fs', (t) => push(t, Seg.FS)),
  insn('0F A8', 'push gs', (t) => push(t, Seg.GS)),
  insn('0F A1', 'pop fs', (t) => pop(t, Seg.FS)),
  insn('0F A9', 'pop gs', (t) => pop(t, Seg.GS)),
  insn('C4 /r mem', 'les r, m', (t) => loadFar(t, Seg.ES), 32),
  insn('C5 /r mem', 'lds r, m', (t) => loadFar(t, Seg.DS), 32),
  insn('0F B2 /r mem', 'lss r, m', (t) => loadFar(t, Seg.SS)),
  insn('0F B4 /r mem', 'lfs r, m', (t) => loadFar(t, Seg.FS)),
  insn('0F B5 /r mem', 'lgs r, m', (t) => loadFar(t, Seg.GS)),
  insn('62 /r mem', 'bound r, m', bound, 32),
  insn('CE', 'into', overflow, 32),
];
