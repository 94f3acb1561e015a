import { Exit, State } from '../../../memory/layout.ts';
import { FXSAVE_SIZE, restoreFx, saveFx } from '../fpstate.ts';
import { defineHelper } from '../helpers.ts';
import { Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';

const MODE_64 = 1;
const modeOf = (aux: number): 64 | 32 => (aux === MODE_64 ? 64 : 32);

const save = defineHelper((c, state, aux) => {
  const at = c.access(state, c.view.getBigUint64(state + Sys.OPERAND, true), FXSAVE_SIZE, true);
  if (at < 0) return 1;
  saveFx(c.view, state, at, modeOf(aux));
  return 0;
});
const restore = defineHelper((c, state, aux) => {
  const at = c.access(state, c.view.getBigUint64(state + Sys.OPERAND, true), FXSAVE_SIZE, false);
  if (at < 0) return 1;
  if (restoreFx(c.view, state, at, modeOf(aux))) return 0;
  c.view.setUint32(state + State.EXIT_REASON, Exit.PROTECTION, true);
  return 1;
});

/** The state at the address of the memory operand. */
const run = (t: Translator, helper: number): void => {
  t.b.set(Sys.OPERAND, t.convert(t.ea(), t.word, 8, false));
  t.helper(helper, t.is64 ? MODE_64 : 0);
};

/** SDM vol. 1, 5.1.13: state of the x87 and SSE registers */
// biome-ignore format: one instruction per line
export const fxsaveRows: readonly X86Row[] = [
  insn('NP 0F AE /0 mem', 'fxsave m512', (t) => run(t, save)),
  insn('NP 0F AE /1 mem', 'fxrstor m512', (t) => run(t, restore)),
];
