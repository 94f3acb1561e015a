import {
  add,
  and,
  call,
  differ,
  equal,
  isZero,
  type Local,
  lessU,
  load,
  load1,
  load8,
  or,
  type Push,
  shl,
  shrS,
  shrU,
  Writer,
} from './backend/wasm/writer.ts';
import { LOOKED_AT, Look, MOST_LOOKED_AT, TOLD, Told } from './composer-layout.ts';
import type { FlagWords, MaskedWord } from './frontend/form.ts';
import { GUEST_BASE, PAGE_SHIFT, PageByte, READ_BYTES } from './memory/layout.ts';

/** Instructions that are looked at until JavaScript has to. */
const MOST = 400;

const is =
  (word: Local) =>
  ([mask, value]: MaskedWord): Push =>
    equal(and(word, mask | 0), value | 0);
const anyOf = (word: Local, patterns: readonly MaskedWord[]): Push => patterns.map(is(word)).reduce((a, b) => or(a, b));

/** (pc, count) → how many places there are to look at, that one among them; more than there may be: too many. */
export const placeFunction = (): Writer => {
  const f = new Writer(2);
  const [pc, count] = [f.param(0), f.param(1)];
  const i = f.local();
  f.while(lessU(i, count), () => {
    f.if(equal(load1(shl(i, 2), LOOKED_AT), pc), () => f.return(count));
    f.set(i, add(i, 1));
  });
  f.if(lessU(count, MOST_LOOKED_AT), () => f.store1(shl(count, 2), LOOKED_AT, pc));
  f.return(add(count, 1));
  return f;
};

/**
 * (pc) → Look: readsFlagsAt of AArch64's front end, where it is short, as it is asked of every function and every place
 * behind a call. `place`: the index of placeFunction.
 */
export const lookFunction = (place: number, { reads, sets }: FlagWords): Writer => {
  const f = new Writer(1);
  const here = f.param(0);
  f.store1(TOLD, 4 * Told.NO_PAGE, 0);
  const count = f.local(call(place, here, 0));
  const [i, steps, word, walking] = [f.local(), f.local(), f.local(), f.local()];
  const branch = (offset: Push): void => f.set(count, call(place, add(here, offset), count));
  f.while(lessU(i, count), () => {
    f.if(lessU(MOST_LOOKED_AT, count), () => f.return(Look.ASK));
    f.set(here, load1(shl(i, 2), LOOKED_AT));
    f.set(i, add(i, 1));
    f.set(walking, 1);
    f.while(walking, () => {
      f.set(steps, add(steps, 1));
      f.if(lessU(MOST, steps), () => f.return(Look.ASK));
      // whether it may be executed is not asked: who calls what may not ends anyway
      f.if(differ(load8(shrU(here, PAGE_SHIFT), READ_BYTES), PageByte.PLAIN), () => {
        f.store1(TOLD, 4 * Told.NO_PAGE, here);
        f.return(Look.ASK);
      });
      f.set(word, load(here, GUEST_BASE));
      f.if(anyOf(word, reads), () => f.return(Look.READS));
      const jump = is(word)([0xfc00_0000, 0x1400_0000]);
      // see `next` there: B; CBZ; TBZ; what nobody follows
      f.if(jump, () => branch(shrS(shl(word, 6), 4)));
      f.if(is(word)([0x7e00_0000, 0x3400_0000]), () => branch(shl(shrS(shl(word, 8), 13), 2)));
      f.if(is(word)([0x7e00_0000, 0x3600_0000]), () => branch(shl(shrS(shl(word, 13), 18), 2)));
      const exception = and(is(word)([0xff00_0000, 0xd400_0000]), isZero(is(word)([0xffe0_001f, 0xd400_0001])));
      const calls = or(is(word)([0xfc00_0000, 0x9400_0000]), is(word)([0xfe00_0000, 0xd600_0000]));
      const leaves = or(calls, or(exception, isZero(shrU(word, 16))));
      f.if(or(anyOf(word, sets), or(jump, leaves)), () => f.set(walking, 0));
      f.set(here, add(here, 4));
    });
  });
  f.return(Look.NO);
  return f;
};
