import { Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';

/** Every MMX instruction but EMMS makes all x87 registers valid and register 0 the top (SDM vol. 1, 9.5.1). */
export const enterMmx = (t: Translator): void => {
  t.b.poke(Sys.FSW, t.b.i32.and(t.b.peek('i32', Sys.FSW), t.imm(~0x3800)));
  t.b.poke(Sys.FTW, t.imm(0xff));
};
