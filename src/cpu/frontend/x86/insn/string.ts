import type { Value } from '../../../ir/value.ts';
import type { Int, Size } from '../flags.ts';
import {
  FLAT,
  repeatCompare,
  repeatMove,
  repeatScan,
  repeatStore,
  SEGMENTED,
  SOURCE_SHIFT,
} from '../helpers/strings.ts';
import { REPEAT_OPERAND, repeatMoves, repeatStores } from '../natives/moves.ts';
import { RAX, RCX, RDI, RSI, Seg, Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';

/** Width of the registers that a string instruction counts and addresses with. */
const width = (t: Translator): Size => t.d.addressSize;

/** A pointer register as an address; the source's may be in another segment. */
const pointer = (t: Translator, n: number): Int => {
  const address = t.pointer(n);
  return n === RSI ? t.linear(address) : t.inExtra(address);
};

/** Move a pointer on by one element, or back where DF is set. */
const advance = (t: Translator, n: number, size: Size): void => {
  const { i32 } = t.b;
  const at = width(t);
  const step = i32.sub(t.imm(size), i32.shl(t.directionFlag(), t.imm(Math.log2(size) + 1)));
  t.setReg(n, t.ns(at).add(t.reg(n, at), t.convert(step as Value as Int, 4, at, true)), at);
};

/** A repeated one is a helper's, from where the registers are: a fault in the midst leaves them at it. */
const repeat = (t: Translator, helper: number, size: Size): void => {
  const segment = t.linear(t.constWord(0));
  t.b.set(Sys.OPERAND, t.convert(segment, t.word, 8, false));
  const repne = t.d.rep === 0xf2 ? 16 : 0;
  const segments = t.segmented ? SEGMENTED | (t.segmentOr(Seg.DS) << SOURCE_SHIFT) : 0;
  t.helper(helper, Math.log2(size) | (Math.log2(width(t)) << 2) | repne | segments);
};

/** The same by a native where nothing is unusual; either leaves the registers for us. */
const repeatQuickly = (t: Translator, natives: typeof repeatMoves, helper: number, size: Size): void => {
  if (t.d.segment >= 0 || t.segmented || width(t) !== t.word) return repeat(t, helper, size);
  const { b, word } = t;
  const put = (at: number, n: number): void => b.poke(at, t.convert(t.reg(n, word), word, 8, false));
  put(REPEAT_OPERAND.COUNT, RCX);
  put(REPEAT_OPERAND.TO, RDI);
  put(REPEAT_OPERAND.FROM, RSI);
  put(REPEAT_OPERAND.VALUE, RAX);
  b.poke(REPEAT_OPERAND.DIRECTION, t.directionFlag());
  t.native(natives[size], helper, Math.log2(size) | (Math.log2(word) << 2) | FLAT);
  const take = (n: number, at: number): void =>
    t.setReg(n, t.convert(b.peek('i64', at) as Value as Int, 8, word, false), word);
  take(RCX, REPEAT_OPERAND.COUNT);
  take(RDI, REPEAT_OPERAND.TO);
  if (natives === repeatMoves) take(RSI, REPEAT_OPERAND.FROM);
};

const move = (t: Translator, size: Size): void => {
  if (t.d.rep !== 0) return repeatQuickly(t, repeatMoves, repeatMove, size);
  t.storeInt(t.loadInt(size, pointer(t, RSI)), size, pointer(t, RDI));
  advance(t, RSI, size);
  advance(t, RDI, size);
};
const store = (t: Translator, size: Size): void => {
  if (t.d.rep !== 0) return repeatQuickly(t, repeatStores, repeatStore, size);
  t.storeInt(t.reg(RAX, size), size, pointer(t, RDI));
  advance(t, RDI, size);
};
/** Repeated, it is done until the counter is 0: the instruction goes back to itself. */
const load = (t: Translator, size: Size): void => {
  if (t.d.rep === 0) {
    t.setReg(RAX, t.loadInt(size, pointer(t, RSI)), size);
    return advance(t, RSI, size);
  }
  const at = width(t);
  const some = t.ns(at).ne(t.zx(t.reg(RCX, at), at), t.k(0, at));
  const { b } = t;
  b.beginWhen(some);
  const v = t.loadInt(size, pointer(t, RSI));
  t.setReg(RAX, v, size);
  advance(t, RSI, size);
  t.setReg(RCX, t.ns(at).sub(t.reg(RCX, at), t.k(1, at)), at);
  b.endWhen();
  t.retryWhen(t.ns(at).ne(t.zx(t.reg(RCX, at), at), t.k(0, at)));
};
/** Flags stay where nothing is compared. */
const repeatFlags = (t: Translator, helper: number, size: Size): void => {
  t.prepareFlags();
  t.materialize();
  repeat(t, helper, size);
  t.flagsFromState();
};
const compare = (t: Translator, size: Size): void => {
  if (t.d.rep !== 0) return repeatFlags(t, repeatCompare, size);
  const [x, y] = [t.loadInt(size, pointer(t, RSI)), t.loadInt(size, pointer(t, RDI))];
  advance(t, RSI, size);
  advance(t, RDI, size);
  t.flagsOfSub(x, y, size);
};
const scan = (t: Translator, size: Size): void => {
  if (t.d.rep !== 0) return repeatFlags(t, repeatScan, size);
  const y = t.loadInt(size, pointer(t, RDI));
  advance(t, RDI, size);
  t.flagsOfSub(t.reg(RAX, size), y, size);
};

const pair = (code: number, name: string, lift: (t: Translator, size: Size) => void): X86Row[] => [
  insn(code.toString(16).toUpperCase(), `${name}b`, (t) => lift(t, 1)),
  insn((code + 1).toString(16).toUpperCase(), name, (t) => lift(t, t.size)),
];

/** SDM vol. 1, 5.1.8: strings */
export const stringRows: readonly X86Row[] = [
  ...pair(0xa4, 'movs', move),
  ...pair(0xa6, 'cmps', compare),
  ...pair(0xaa, 'stos', store),
  ...pair(0xac, 'lods', load),
  ...pair(0xae, 'scas', scan),
];
