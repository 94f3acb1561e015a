import type { Value } from '../../../ir/value.ts';
import type { Int } from '../flags.ts';
import { FXSAVE_SIZE, XSAVE_SIZE } from '../fpstate.ts';
import { fxrstor, fxsave, loadMxcsr, packState, xrstor, xsave, xsavec } from '../helpers/state.ts';
import { Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { type I32, noVvvv, vex, zero } from './vector.ts';

const atOperand =
  (helper: number, size: number, write: boolean) =>
  (t: Translator): void => {
    t.allow(t.ea(), size, write);
    t.b.set(Sys.OPERAND, t.convert(t.ea(), t.word, 8, false));
    t.helper(helper, packState(t.d.length, t.is64, t.processor));
  };
const load = (t: Translator): void => {
  t.b.set(Sys.OPERAND, t.wide(t.loadInt(4) as Value as I32));
  t.helper(loadMxcsr, packState(t.d.length, t.is64));
};
const store = (t: Translator): void => t.storeInt(t.mxcsr() as Value as Int, 4);

const upper = (t: Translator): void => {
  for (let n = 0; n < (t.is64 ? 16 : 8); n++) t.setYmmHigh(n, zero(t));
};
const all = (t: Translator): void => {
  for (let n = 0; n < (t.is64 ? 16 : 8); n++) t.setXmm(n, zero(t));
  upper(t);
};

/** SDM vol. 1, 10.4.5, 10.5, 13.6 to 13.9: MXCSR, saving and restoring state */
// biome-ignore format: one instruction per line
export const stateRows: readonly X86Row[] = [
  insn('NP 0F AE /0 mem', 'fxsave m512', atOperand(fxsave, FXSAVE_SIZE, true)),
  insn('NP 0F AE /1 mem', 'fxrstor m512', atOperand(fxrstor, FXSAVE_SIZE, false)),
  insn('NP 0F AE /2 mem', 'ldmxcsr m32', load),
  insn('NP 0F AE /3 mem', 'stmxcsr m32', store),
  insn('NP 0F AE /4 mem', 'xsave m', atOperand(xsave, XSAVE_SIZE, true)),
  insn('NP 0F AE /5 mem', 'xrstor m', atOperand(xrstor, XSAVE_SIZE, false)),
  insn('NP 0F AE /6 mem', 'xsaveopt m', atOperand(xsave, XSAVE_SIZE, true)),
  insn('NP 0F C7 /4 mem', 'xsavec m', atOperand(xsavec, XSAVE_SIZE, true)),
  vex('NP 0F AE /2 mem', '128', 'vldmxcsr m32', noVvvv(load)),
  vex('NP 0F AE /3 mem', '128', 'vstmxcsr m32', noVvvv(store)),
  vex('NP 0F 77', '128', 'vzeroupper', noVvvv(upper)),
  vex('NP 0F 77', '256', 'vzeroall', noVvvv(all)),
];
