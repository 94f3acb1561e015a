import { Control, ENTRY, HASH } from '../../memory/code-layout.ts';
import { CODE_CONTROL } from '../../memory/layout.ts';
import type { Code } from '../wasm/encoder.ts';
import { add, and, lessU, load, mul, type Push, shl, shrU, Writer } from '../wasm/writer.ts';

const control = (what: number): Push => load(CODE_CONTROL + 4 * what);

/**
 * (from, end) → 0: take the entries between these wasm offsets into the table of blocks, which has none of them and room
 * for all; those without a value are none. In JavaScript a short program's 4,000 blocks cost some milliseconds, as V8 has not
 * compiled the loop yet.
 */
export const enterBlocksFunction = (): Code => {
  const f = new Writer(2);
  const [from, end] = [f.param(0), f.param(1)];
  const mask = f.local(control(Control.MASK));
  const count = f.local();
  const n = f.local();
  const at = f.local();
  f.while(lessU(from, end), () => {
    f.if(load(from, 4), () => {
      f.set(n, shrU(mul(load(from), HASH | 0), control(Control.SHIFT)));
      f.set(at, add(control(Control.TABLE), shl(n, 3)));
      f.while(load(at, 4), () => {
        f.set(n, and(add(n, 1), mask));
        f.set(at, add(control(Control.TABLE), shl(n, 3)));
      });
      f.store(at, 0, load(from));
      f.store(at, 4, load(from, 4));
      f.set(count, add(count, 1));
    });
    f.set(from, add(from, ENTRY));
  });
  f.store(CODE_CONTROL, 4 * Control.COUNT, add(control(Control.COUNT), count));
  f.return(0);
  return f.code;
};
