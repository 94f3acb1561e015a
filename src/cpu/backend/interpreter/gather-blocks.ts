import { ENTRY, Gather, Header, Mark, RECORD_MASK, WHAT_SHIFT } from '../../memory/code-layout.ts';
import { CODE_ENTRIES, CODE_PAGES, PAGE_SHIFT } from '../../memory/layout.ts';
import type { Code } from '../wasm/encoder.ts';
import { add, and, differ, equal, lessU, load, load8, type Push, shl, shrU, sub, Writer } from '../wasm/writer.ts';

const told = (what: number): Push => load(CODE_ENTRIES + 4 * what);

/**
 * (from, end, to) → where they end: of the entries between two wasm offsets put those of an arena to `to`, as Gather says.
 * In JavaScript the 40,000 of a first run of python3 took 30 ms.
 */
export const gatherBlocksFunction = (): Code => {
  const f = new Writer(3);
  const [from, end, to] = [f.param(0), f.param(1), f.param(2)];
  const first = CODE_ENTRIES + 4 * Gather.SIZE;
  const last = f.local(add(first, shl(told(Gather.CHUNKS), 3)));
  const [value, record, chunk, found] = [f.local(), f.local(), f.local(), f.local()];
  const inChunk = lessU(sub(record, load(chunk)), sub(load(chunk, 4), load(chunk)));
  const ofArena = equal(load8(shrU(load(from), PAGE_SHIFT), CODE_PAGES), told(Gather.ARENA));
  f.while(lessU(from, end), () => {
    f.set(value, load(from, 4));
    f.set(record, shl(and(value, RECORD_MASK), 4));
    f.set(found, 0);
    f.if(and(differ(value, 0), ofArena), () => {
      f.if(
        record,
        () => {
          // the last chunks are the largest
          f.set(chunk, last);
          f.while(lessU(first, chunk), () => {
            f.set(chunk, sub(chunk, 8));
            f.if(inChunk, () => {
              f.set(found, 1);
              f.set(chunk, first);
            });
          });
          f.if(found, () => {
            f.store(CODE_ENTRIES, 4 * Gather.BLOCKS, add(told(Gather.BLOCKS), 1));
            f.if(differ(shrU(value, WHAT_SHIFT), Mark.SLOW), () =>
              f.if(told(Gather.HOT_AFTER), () => f.store(add(record, Header.COUNT), 0, told(Gather.HOT_AFTER))),
            );
          });
        },
        () => f.set(found, differ(shrU(value, WHAT_SHIFT), Mark.REGION)),
      );
    });
    f.if(found, () => {
      f.store(to, 0, load(from));
      f.store(to, 4, value);
      f.set(to, add(to, ENTRY));
    });
    f.set(from, add(from, ENTRY));
  });
  f.return(to);
  return f.code;
};
