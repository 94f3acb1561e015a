import { State } from '../../../memory/layout.ts';
import type { HelperContext } from '../../helper.ts';
import { AF, ARITHMETIC, CF, OF, parity, readArithmetic, SF, writeArithmetic, ZF } from '../flags.ts';
import { defineHelper, divideError } from '../helpers.ts';
import { RAX } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';

/** AX and the flags, to be changed (SDM vol. 2: DAA, DAS, AAA, AAS, AAM, AAD). */
interface Accumulator {
  al: number;
  ah: number;
  flags: number;
}

const resultFlags = (byte: number): number => (byte === 0 ? ZF : 0) | (byte & 0x80 ? SF : 0) | parity(byte);

/** Packed digits behind an addition (`sign` 1) or subtraction (-1). */
const packed = (a: Accumulator, sign: 1 | -1): void => {
  const { al, flags } = a;
  const carry = (flags & CF) !== 0;
  let out = 0;
  if ((al & 15) > 9 || (flags & AF) !== 0) {
    a.al = al + 6 * sign;
    out = AF | (carry || (sign < 0 && al < 6) ? CF : 0);
  }
  if (al > 0x99 || carry) {
    a.al += 0x60 * sign;
    out |= CF;
  }
  a.al &= 0xff;
  a.flags = (flags & OF) | out | resultFlags(a.al);
};
/** Unpacked digits behind an addition or subtraction. */
const unpacked = (a: Accumulator, sign: 1 | -1): void => {
  const adjust = (a.al & 15) > 9 || (a.flags & AF) !== 0;
  if (adjust) {
    const ax = ((a.ah << 8) | a.al) + 6 * sign;
    a.ah = ((ax >> 8) + sign) & 0xff;
    a.al = ax & 0xff;
  }
  a.al &= 15;
  a.flags = (adjust ? AF | CF : 0) | resultFlags(a.al);
};

const adjuster = (f: (a: Accumulator, imm: number) => void): number =>
  defineHelper((c: HelperContext, state, aux) => {
    if (aux === -1) return divideError(c, state);
    const at = state + State.REGS + 8 * RAX;
    const a = { al: c.view.getUint8(at), ah: c.view.getUint8(at + 1), flags: readArithmetic(c.view, state) };
    f(a, aux & 0xff);
    c.view.setUint8(at, a.al);
    c.view.setUint8(at + 1, a.ah);
    writeArithmetic(c.view, state, a.flags & ARITHMETIC);
    return 0;
  });

const daa = adjuster((a) => packed(a, 1));
const das = adjuster((a) => packed(a, -1));
const aaa = adjuster((a) => unpacked(a, 1));
const aas = adjuster((a) => unpacked(a, -1));
const aam = adjuster((a, base) => {
  a.ah = Math.floor(a.al / base);
  a.al %= base;
  a.flags = resultFlags(a.al);
});
const aad = adjuster((a, base) => {
  a.al = (a.al + a.ah * base) & 0xff;
  a.ah = 0;
  a.flags = resultFlags(a.al);
});

const adjust =
  (helper: number, aux: (t: Translator) => number = () => 0) =>
  (t: Translator): void => {
    t.materialize();
    t.helper(helper, aux(t));
    t.flagsFromState();
  };
const base = (t: Translator): number => t.d.imm & 0xff;

/** SDM vol. 1, 5.1.3: decimal arithmetic, of 32-bit mode */
export const decimalRows: readonly X86Row[] = [
  insn('27', 'daa', adjust(daa), 32),
  insn('2F', 'das', adjust(das), 32),
  insn('37', 'aaa', adjust(aaa), 32),
  insn('3F', 'aas', adjust(aas), 32),
  insn(
    'D4 ib',
    'aam imm8',
    adjust(aam, (t) => base(t) || -1),
    32,
  ),
  insn('D5 ib', 'aad imm8', adjust(aad, base), 32),
];
