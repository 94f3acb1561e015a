import { specialNumber } from './backend/interpreter/contract.ts';
import { encodeModule } from './backend/wasm/encoder.ts';
import {
  add,
  and,
  call,
  differ,
  divS,
  equal,
  isZero,
  type Local,
  lessS,
  lessU,
  load,
  load1,
  mul,
  or,
  type Push,
  shl,
  shrS,
  shrU,
  sub,
  type Word,
  Writer,
  xor,
} from './backend/wasm/writer.ts';
import { CONSTANTS, FILE, INTERNALS, LINKS, TOLD, Told, VARS } from './composer-layout.ts';
import { GUEST_BASE } from './memory/layout.ts';
import { ANY_KIND, PAGE_MASK, Variable } from './template.ts';
import { FIRST_SPECIAL, REGISTER_MASK } from './template-class.ts';
import { EVERY_KIND, Flag, HASH, Head, LEVEL, MINOR, NONE, RowWord, SLOT } from './template-file.ts';

/**
 * The composer (see composer.ts) as a wasm module, whose machine code V8 gives us to keep: in JavaScript a program's
 * first run spends a third of its time on having it compiled. Memory 0 is the guest's, memory 1 that of the templates
 * (see composer-layout.ts). Constants are put in their places by the caller. Where a word has no template the block is the other composer's.
 */

/** What one instruction may need at most of the room for internal jumps and for constants. */
const MARGIN = 0x400;

const RECORD = 16;
const F = { AT: 0, FIND: 1, EVALUATE: 2, COMPOSE: 3 } as const;

/** The word with an index in the file. */
const word = (index: Word, offset = 0): Push => load1(shl(index, 2), FILE + 4 * offset);
const head = (n: number): Push => load1(FILE + 4 * n);

/** (representative, key) → the template's index, 0 or NONE. */
const atFunction = (): Writer => {
  const f = new Writer(2);
  const [representative, key] = [f.param(0), f.param(1)];
  const mixed = f.local(mul(xor(representative, shl(key, 24)), HASH | 0));
  const mask = f.local(sub(head(Head.SLOTS), 1));
  const n = f.local(and(xor(mixed, shrU(mixed, 15)), mask));
  const slot = f.local();
  const found = f.local();
  f.while(1, () => {
    f.set(slot, add(mul(n, SLOT), Head.SIZE));
    f.set(found, word(slot, 2));
    f.if(isZero(found), () => f.return(0));
    f.if(and(equal(word(slot), representative), equal(word(slot, 1), key)), () => f.return(found));
    f.set(n, and(add(n, 1), mask));
  });
  f.code.unreachable();
  return f;
};

/** Set `row` to the index of a word's row; returns from the function with 0 where there is none. */
const decode = (f: Writer, instruction: Local, row: Local): void => {
  const list = f.local(word(add(head(Head.MAJORS), shrU(instruction, 21))));
  f.if(and(list, MINOR), () => f.set(list, word(add(and(list, MINOR - 1), and(shrU(instruction, 10), 63)))));
  const left = f.local(word(list));
  const found = f.local();
  f.while(isZero(found), () => {
    f.if(isZero(left), () => f.return(0));
    f.set(list, add(list, 1));
    f.set(left, sub(left, 1));
    f.set(row, word(list));
    f.set(found, equal(and(instruction, word(row, RowWord.MASK)), word(row, RowWord.VALUE)));
  });
};

/** See TemplateClass.representative. */
const rename = (f: Writer, instruction: Local, row: Local, registers: Local, width: Local, found: Local): void => {
  f.set(found, instruction);
  const [i, count, shift, register, name] = [f.local(), f.local(), f.local(), f.local(), f.local()];
  const shifts = f.local(word(row, RowWord.SHIFTS));
  f.while(lessU(i, registers), () => {
    f.set(shift, and(shifts, 0xff));
    f.set(shifts, shrU(shifts, 8));
    f.set(register, and(shrU(instruction, shift), REGISTER_MASK));
    f.set(name, register);
    f.if(lessU(register, FIRST_SPECIAL), () => {
      f.set(name, 0);
      f.while(and(lessU(name, count), differ(load1(shl(name, 2), VARS), register)), () => f.set(name, add(name, 1)));
      f.if(equal(name, count), () => {
        f.store1(shl(count, 2), VARS, register);
        f.set(count, add(count, 1));
      });
    });
    f.set(found, or(and(found, xor(shl(REGISTER_MASK, shift), -1)), shl(name, shift)));
    f.set(i, add(i, 1));
  });
  f.if(width, () => {
    f.set(shift, word(row, RowWord.SHIFT));
    const ones = f.local(sub(shl(1, width), 1));
    const value = f.local(and(shrU(instruction, shift), ones));
    f.if(word(row, RowWord.SIGNED), () => {
      const unused = f.local(sub(32, width));
      f.set(value, shrS(shl(value, unused), unused));
    });
    f.store1(4 * Variable.IMMEDIATE, VARS, value);
    const sign = sub(lessS(0, value), lessS(value, 0));
    f.set(found, or(and(found, xor(shl(ones, shift), -1)), shl(and(sign, ones), shift)));
  });
};

/** (word, pc, kind) → the index of its template with the variables set, or 0: see Templates.find. */
const findFunction = (): Writer => {
  const f = new Writer(3);
  const [instruction, pc, kind] = [f.param(0), f.param(1), f.param(2)];
  const row = f.local();
  decode(f, instruction, row);
  const registers = f.local(word(row, RowWord.REGISTERS));
  const width = f.local(word(row, RowWord.WIDTH));
  const [level, found, template] = [f.local(), f.local(), f.local(NONE)];
  f.while(equal(template, NONE), () => {
    rename(f, instruction, row, registers, width, found);
    f.set(template, call(F.AT, found, level));
    f.if(isZero(template), () => f.set(template, call(F.AT, found, add(level, sub(kind, EVERY_KIND)))));
    f.if(isZero(template), () => f.return(0));
    // not for these: less may be left open
    f.if(
      width,
      () => {
        f.if(equal(template, NONE), () => f.set(width, 0));
      },
      () => {
        f.if(and(equal(template, NONE), isZero(registers)), () => f.return(0));
        f.if(equal(template, NONE), () => f.set(registers, 0));
      },
    );
    f.set(level, add(level, LEVEL));
  });
  f.store1(4 * Variable.PC, VARS, pc);
  f.store1(4 * Variable.PAGE, VARS, and(pc, PAGE_MASK));
  const reach = f.local(word(template, 2));
  f.if(reach, () => {
    // a sum beyond 32 bits would need its upper half
    const immediate = f.local(load1(4 * Variable.IMMEDIATE, VARS));
    const distance = f.local(mul(reach, immediate));
    const target = f.local(add(pc, distance));
    f.if(differ(divS(distance, reach), immediate), () => f.return(0));
    f.if(differ(lessS(distance, 0), lessU(target, pc)), () => f.return(0));
    f.if(or(lessU(target, 0x1_0000), lessU(0xffff_0000 | 0, target)), () => f.return(0));
  });
  f.return(template);
  return f;
};

/** (index of a Linear) → its value. */
const evaluateFunction = (): Writer => {
  const f = new Writer(1);
  const at = f.param(0);
  const value = f.local(word(at));
  const left = f.local(word(at, 1));
  f.while(left, () => {
    f.set(value, add(value, mul(load1(shl(word(at, 2), 2), VARS), word(at, 3))));
    f.set(at, add(at, 2));
    f.set(left, sub(left, 2));
  });
  f.return(value);
  return f;
};

/** `at` goes behind the Linear there. */
const skipLinear = (f: Writer, at: Local): void => f.set(at, add(add(at, 2), word(at, 1)));

const tell = (f: Writer, what: number, value: Word): void => f.store1(TOLD + 4 * what, 0, value);

/** (pc, kind, limit, to) → the first byte behind the block whose records were written at `to`, or 0. */
const composeFunction = (): Writer => {
  const f = new Writer(4);
  const [pc, kind, limit, first] = [f.param(0), f.param(1), f.param(2), f.param(3)];
  const [readsFlags, setsFlags, flags, out, links, internals, constants] = Array.from({ length: 7 }, () =>
    f.local(),
  ) as [Local, Local, Local, Local, Local, Local, Local];
  const [at, n, end, record] = [f.local(), f.local(), f.local(), f.local()];
  const to = f.local(first);
  const left = f.local(head(Head.MAX_BLOCK));
  const template = f.local();
  const passed = (): Push => or(kind, sub(or(readsFlags, setsFlags), 1));
  tell(f, Told.CALL_TARGET, 0);
  tell(f, Told.RETURNS_TO, 0);
  const finish = (): void => {
    tell(f, Told.READS_FLAGS, readsFlags);
    tell(f, Told.LENGTH, shrU(sub(to, first), 2));
    tell(f, Told.LINKS, links);
    tell(f, Told.INTERNALS, internals);
    tell(f, Told.CONSTANTS, constants);
    f.return(pc);
  };
  const link = (index: Word, target: Word, linkKind: Word): void => {
    f.store1(add(links, LINKS), 0, index);
    f.store1(add(links, LINKS), 4, target);
    f.store1(add(links, LINKS), 8, linkKind);
    f.set(links, add(links, 12));
  };
  f.while(and(lessU(pc, limit), differ(left, 0)), () => {
    f.set(template, call(F.FIND, load(pc, GUEST_BASE), pc, kind));
    f.if(isZero(template), () => f.return(0));
    f.set(flags, word(template));
    const full = or(lessU(INTERNALS - MARGIN - CONSTANTS, constants), lessU(FILE - MARGIN - INTERNALS, internals));
    f.if(full, () => f.return(0));
    f.if(and(differ(and(flags, Flag.READS_FLAGS), 0), isZero(setsFlags)), () => f.set(readsFlags, 1));
    f.if(and(flags, Flag.SETS_FLAGS), () => f.set(setsFlags, 1));
    f.if(differ(word(template, 1), ANY_KIND), () => f.set(kind, word(template, 1)));
    // records
    f.set(at, add(template, 3));
    f.set(n, word(at));
    f.set(at, add(at, 1));
    f.set(record, to);
    f.set(end, add(to, shl(n, 2)));
    f.while(lessU(to, end), () => {
      f.copy16(to, add(shl(at, 2), FILE));
      f.set(at, add(at, 4));
      f.set(to, add(to, RECORD));
    });
    // patches
    f.set(n, word(at));
    f.set(at, add(at, 1));
    f.set(end, add(at, n));
    const place = f.local();
    f.while(lessU(at, end), () => {
      f.set(place, add(record, shl(word(at), 2)));
      f.store(place, 0, add(load(place), mul(load1(shl(word(at, 1), 2), VARS), word(at, 2))));
      f.set(at, add(at, 3));
    });
    // internal jumps
    f.set(n, word(at));
    f.set(at, add(at, 1));
    f.set(end, add(at, n));
    const index = f.local(shrU(sub(record, first), 4));
    f.while(lessU(at, end), () => {
      f.store(add(record, shl(word(at), 4)), 8, add(record, shl(word(at, 1), 4)));
      f.store1(add(internals, INTERNALS), 0, add(index, word(at)));
      f.store1(add(internals, INTERNALS), 4, add(index, word(at, 1)));
      f.set(internals, add(internals, 8));
      f.set(at, add(at, 2));
    });
    f.set(n, word(at));
    f.set(at, add(at, 1));
    f.while(n, () => {
      f.store1(add(constants, CONSTANTS), 0, add(index, word(at)));
      f.store1(add(constants, CONSTANTS), 4, add(at, 1));
      f.set(constants, add(constants, 8));
      f.set(at, add(add(at, 2), word(at, 1)));
      f.set(n, sub(n, 1));
    });
    f.set(pc, add(pc, 4));
    f.set(left, sub(left, 1));
    f.if(and(flags, Flag.ENDS), () => {
      // what serves every kind must not tell the one it was made for to those behind it
      f.set(out, passed());
      f.set(n, word(at));
      f.set(at, add(at, 1));
      f.while(n, () => {
        f.set(end, word(at, 1));
        f.if(equal(end, ANY_KIND), () => f.set(end, out));
        link(add(index, word(at)), call(F.EVALUATE, add(at, 2)), end);
        f.set(at, add(at, 2));
        skipLinear(f, at);
        f.set(n, sub(n, 1));
      });
      f.if(and(flags, Flag.CALL_TARGET), () => {
        tell(f, Told.CALL_TARGET, call(F.EVALUATE, at));
        skipLinear(f, at);
      });
      f.if(and(flags, Flag.RETURNS_TO), () => tell(f, Told.RETURNS_TO, call(F.EVALUATE, at)));
      finish();
    });
  });
  f.store(to, 0, specialNumber('jump'));
  f.store(to, 4, 0);
  f.store(to, 8, 0);
  f.store(to, 12, sub(pc, 1));
  link(shrU(sub(to, first), 4), pc, passed());
  f.set(to, add(to, RECORD));
  finish();
  f.code.unreachable();
  return f;
};

/** The module's bytes: exports `compose`. Memory pages are those of memory 0. */
export const composerModule = (memoryPages: { initial: number; maximum: number }): Uint8Array<ArrayBuffer> =>
  encodeModule({
    types: [1, 2, 3, 4].map((n) => ({ params: new Array<'i32'>(n).fill('i32'), results: ['i32'] })),
    imports: [],
    funcs: [
      { type: 1, code: atFunction().code, export: 'at' },
      { type: 2, code: findFunction().code, export: 'find' },
      { type: 0, code: evaluateFunction().code, export: 'evaluate' },
      { type: 3, code: composeFunction().code, export: 'compose' },
    ],
    memoryPages,
    importMemory1: true,
  });
