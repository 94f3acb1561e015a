import { specialNumber } from './backend/interpreter/contract.ts';
import { pairTable } from './backend/interpreter/handlers.ts';
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
  load8of1,
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
import { makerFunctions } from './block-maker.ts';
import { byteFindFunction, keyFunction, nameFunction, readFunction } from './byte-decoder.ts';
import {
  CHUNK_SHIFT,
  CONSTANTS,
  FILE,
  INTERNALS,
  INTERNALS_END,
  LINKS,
  PAIRS,
  PRESENT,
  READ,
  Read,
  TOLD,
  Told,
  VARS,
} from './composer-layout.ts';
import { CONTINUES, type FlagWords, HALVES, IT_MORE, IT_NOT_LAST, IT_PLACE, IT_SHIFT } from './frontend/form.ts';
import { FLAGS_ASKED, FLAGS_KEPT } from './frontend/frontend.ts';
import { lookFunction, placeFunction } from './look-ahead.ts';
import { Control } from './memory/code-layout.ts';
import { CODE_CONTROL, GUEST_BASE } from './memory/layout.ts';
import { ALIGN_MASK, ANY_KIND, BASE_KIND, OVER, PAGE_MASK, UNKNOWN_KIND, Variable } from './template.ts';
import {
  ANY_FLAGS,
  EVERY_KIND,
  FieldWord,
  Flag,
  FORM,
  HASH,
  Head,
  LEVEL,
  MINOR,
  NONE,
  Patch,
  RowWord,
  SLOT,
  TAIL,
  TemplateWord,
} from './template-file.ts';

/**
 * The composer (see composer.ts) as a wasm module, whose machine code V8 gives us to keep: in JavaScript a program's
 * first run spends a third of its time on having it compiled. Memory 0 is the guest's, memory 1 that of the templates
 * (see composer-layout.ts). Constants are put in their places by the caller. Where a word has no template the block is the other composer's.
 */

/** What one instruction may need at most of the room for internal jumps and for constants, in bytes. */
const MARGIN = 0x400;

const RECORD = 16;
/** First halfwords from here on have a second one. */
const LONG = 0xe800;
/** Function indices; the first five are imported. GET and PUT_FIELD are of words, READ and NAME of bytes. */
const F = {
  MADE: 0,
  CROSSES: 1,
  LOOK_AHEAD: 2,
  NOTE: 3,
  WANT: 4,
  AT: 5,
  FIND: 6,
  EVALUATE: 7,
  COMPOSE: 8,
  GET: 9,
  PUT_FIELD: 10,
  READ: 9,
  NAME: 10,
  PLACE: 11,
  LOOK: 12,
  VALUE: 13,
  TARGET: 14,
  PUT: 15,
  MARK: 16,
  MAKE: 17,
  BLOCK: 18,
} as const;
/** What the records of one instruction may need, in bytes. */
const LONGEST = 0x1000;

/** The word with an index in the file. */
const word = (index: Word, offset = 0): Push => load1(shl(index, 2), FILE + 4 * offset);
const head = (n: number): Push => load1(FILE + 4 * n);

/** (representative, key) → the template's index, 0 or NONE. */
const atFunction = (): Writer => {
  const f = new Writer(2);
  const [representative, key] = [f.param(0), f.param(1)];
  const mixed = f.local(mul(xor(representative, mul(key, HASH | 0)), HASH | 0));
  const mask = f.local(sub(head(Head.SLOTS), 1));
  const n = f.local(and(xor(mixed, shrU(mixed, 15)), mask));
  const slot = f.local();
  const found = f.local();
  f.while(1, () => {
    f.set(slot, add(mul(n, SLOT), Head.SIZE));
    f.set(found, word(slot, 2));
    f.if(isZero(found), () => f.return(0));
    f.if(and(equal(word(slot), representative), equal(word(slot, 1), key)), () => {
      f.if(differ(found, NONE), () => {
        f.if(isZero(load8of1(shrU(found, CHUNK_SHIFT), PRESENT)), () => f.do(call(F.WANT, found)));
      });
      f.return(found);
    });
    f.set(n, and(add(n, 1), mask));
  });
  f.code.unreachable();
  return f;
};

/** Ones in as many low bits. */
const ones = (width: Word): Push => sub(shl(1, width), 1);

/** (field, word) → its number. */
const getFunction = (): Writer => {
  const f = new Writer(2);
  const [field, instruction] = [f.param(0), f.param(1)];
  const value = f.local();
  const left = f.local(word(field, FieldWord.PARTS));
  f.while(left, () => {
    const width = f.local(word(field, FieldWord.SIZE + 1));
    f.set(value, or(shl(value, width), and(shrU(instruction, word(field, FieldWord.SIZE)), ones(width))));
    f.set(field, add(field, 2));
    f.set(left, sub(left, 1));
  });
  f.return(value);
  return f;
};

/** (field, word, number) → the word with the number in the field. */
const putFunction = (): Writer => {
  const f = new Writer(3);
  const [field, instruction, value] = [f.param(0), f.param(1), f.param(2)];
  const left = f.local(word(field, FieldWord.PARTS));
  const part = f.local();
  const place = f.local();
  f.while(left, () => {
    f.set(left, sub(left, 1));
    f.set(part, add(field, shl(left, 1)));
    f.set(place, word(part, FieldWord.SIZE));
    const width = f.local(word(part, FieldWord.SIZE + 1));
    const low = f.local(ones(width));
    f.set(instruction, or(and(instruction, xor(shl(low, place), -1)), shl(and(value, low), place)));
    f.set(value, shrU(value, width));
  });
  f.return(instruction);
  return f;
};

/** Set `row` to the index of a word's row; returns from the function with 0 where there is none. */
const decode = (f: Writer, instruction: Local, form: Local, row: Local): void => {
  const majors = f.local(load1(shl(add(and(form, HALVES), Head.MAJORS), 2), FILE));
  const list = f.local(word(add(majors, shrU(instruction, 21))));
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
  const [i, count, register, name] = [f.local(), f.local(), f.local(), f.local()];
  const field = f.local(word(row, RowWord.FIELDS));
  f.while(lessU(i, registers), () => {
    f.set(register, call(F.GET, field, instruction));
    f.if(lessU(register, word(field, FieldWord.SPECIAL)), () => {
      f.set(name, 0);
      f.while(and(lessU(name, count), differ(load1(shl(name, 2), VARS), register)), () => f.set(name, add(name, 1)));
      f.if(equal(name, count), () => {
        f.store1(shl(count, 2), VARS, register);
        f.set(count, add(count, 1));
      });
      f.set(found, call(F.PUT_FIELD, field, found, name));
    });
    f.set(field, add(add(field, FieldWord.SIZE), shl(word(field, FieldWord.PARTS), 1)));
    f.set(i, add(i, 1));
  });
  f.if(width, () => {
    f.set(field, word(row, RowWord.IMMEDIATE));
    const value = f.local(call(F.GET, field, instruction));
    const sign = f.local(shl(1, sub(width, 1)));
    const mixed = f.local(word(row, RowWord.MIXED));
    f.if(isZero(and(value, sign)), () => f.set(value, xor(value, mixed)));
    f.if(word(row, RowWord.SIGNED), () => {
      const unused = f.local(sub(32, width));
      f.set(value, shrS(shl(value, unused), unused));
    });
    const bias = f.local(word(row, RowWord.BIAS));
    f.set(value, add(value, bias));
    f.store1(4 * Variable.IMMEDIATE, VARS, value);
    f.set(value, sub(sub(lessS(0, value), lessS(value, 0)), bias));
    f.if(isZero(and(value, sign)), () => f.set(value, xor(value, mixed)));
    f.set(found, call(F.PUT_FIELD, field, found, value));
  });
};

/** (word, form, pc, kind) → the index of its template with the variables set, or 0: see Templates.find. */
const findFunction = (): Writer => {
  const f = new Writer(4);
  const [instruction, form, pc, kind] = [f.param(0), f.param(1), f.param(2), f.param(3)];
  const row = f.local();
  decode(f, instruction, form, row);
  const registers = f.local(word(row, RowWord.REGISTERS));
  const width = f.local(word(row, RowWord.WIDTH));
  // see formClass
  const looks = f.local(form);
  const place = (bits: number): number => bits << IT_SHIFT;
  f.if(and(form, place(IT_MORE)), () => f.set(looks, or(and(form, ~place(IT_PLACE)), place(IT_NOT_LAST))));
  const [level, found, template] = [f.local(mul(looks, FORM)), f.local(), f.local(NONE)];
  f.while(equal(template, NONE), () => {
    rename(f, instruction, row, registers, width, found);
    f.set(template, call(F.AT, found, level));
    f.if(isZero(template), () => f.set(template, call(F.AT, found, add(level, sub(kind, EVERY_KIND)))));
    f.if(isZero(template), () => f.set(template, call(F.AT, found, add(level, sub(ANY_FLAGS, EVERY_KIND)))));
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
  f.store1(4 * Variable.IT, VARS, and(shrU(form, IT_SHIFT), 255));
  f.store1(4 * Variable.PC, VARS, pc);
  f.store1(4 * Variable.PAGE, VARS, and(pc, PAGE_MASK));
  f.store1(4 * Variable.ALIGNED, VARS, and(pc, ALIGN_MASK));
  const reach = f.local(word(template, TemplateWord.REACH));
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

/**
 * (pc, kind, limit, to, last) → the first byte behind the block whose records were written from `to` up to `last`, or 0.
 * `bytes`: instructions are not words.
 */
const composeFunction = (bytes: boolean): Writer => {
  const f = new Writer(5);
  const [pc, kind, limit, first, last] = [f.param(0), f.param(1), f.param(2), f.param(3), f.param(4)];
  const [readsFlags, set, flags, out, links, internals, constants] = Array.from({ length: 7 }, () => f.local()) as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  /** Kind of the flags as the block alone tells; `kind` tells it as what led here does too. */
  const own = f.local(-1);
  const form = f.local(bytes ? 0 : and(pc, HALVES));
  const before = f.local();
  const address: Push = bytes ? pc : and(pc, ~HALVES);
  const [instruction, next, after, tail] = [f.local(), f.local(), f.local(), f.local()];
  const [at, n, end, record] = [f.local(), f.local(), f.local(), f.local()];
  const to = f.local(first);
  const left = f.local(head(Head.MAX_BLOCK));
  const template = f.local();
  const passed = (to: Local): void => {
    f.set(to, own);
    f.if(readsFlags, () => f.set(to, kind));
  };
  /** See kindBehind. */
  const leave = (to: Local): void => {
    if (bytes) return f.set(to, after);
    const over = and(differ(shrS(to, 31), -1), equal(and(after, BASE_KIND), UNKNOWN_KIND));
    f.if(
      over,
      () => f.set(to, or(to, and(after, OVER))),
      () => f.set(to, after),
    );
  };
  /** What it reads of the flags before it sets them. */
  const parts = f.local(0);
  tell(f, Told.CALL_TARGET, 0);
  tell(f, Told.RETURNS_TO, 0);
  const finish = (): void => {
    tell(f, Told.READS_FLAGS, readsFlags);
    tell(f, Told.ASKS_FLAGS, and(readsFlags, differ(bytes ? and(parts, FLAGS_ASKED) : parts, 0)));
    tell(f, Told.LENGTH, shrU(sub(to, first), 2));
    tell(f, Told.LINKS, links);
    tell(f, Told.INTERNALS, internals);
    tell(f, Told.CONSTANTS, constants);
    f.return(address);
  };
  const link = (index: Word, target: Word, linkKind: Word): void => {
    f.store1(add(links, LINKS), 0, index);
    f.store1(add(links, LINKS), 4, target);
    f.store1(add(links, LINKS), 8, linkKind);
    f.set(links, add(links, 12));
  };
  const fetchWord = (): void => {
    f.if(
      and(form, HALVES),
      () => {
        f.set(instruction, load(sub(pc, HALVES), GUEST_BASE));
        f.set(next, add(pc, 4));
        f.if(
          lessU(and(instruction, 0xffff), LONG),
          () => {
            f.set(instruction, shl(instruction, 16));
            f.set(next, add(pc, 2));
          },
          () => f.set(instruction, or(shl(instruction, 16), shrU(instruction, 16))),
        );
        // what ends behind the last page that can be read is the other composer's
        f.if(lessU(add(limit, 1), next), () => f.return(0));
      },
      () => {
        f.set(instruction, load(pc, GUEST_BASE));
        f.set(next, add(pc, 4));
      },
    );
  };
  f.while(and(lessU(pc, limit), or(differ(left, 0), lessU(HALVES, form))), () => {
    if (!bytes) fetchWord();
    f.set(template, call(F.FIND, instruction, form, pc, kind));
    f.if(isZero(template), () => f.return(0));
    f.set(flags, word(template));
    f.if(and(flags, Flag.FAST), () => f.if(load(CODE_CONTROL, 4 * Control.EXACT), () => f.return(0)));
    if (bytes) {
      f.set(next, load1(READ + 4 * Read.NEXT));
      f.if(lessU(limit, next), () => f.return(0));
      // nobody reads the flags that were set last
      f.if(and(flags, Flag.KILLS), () => f.set(to, sub(to, tail)));
      f.set(tail, shrU(flags, TAIL));
    }
    f.if(lessU(last, add(to, LONGEST)), () => {
      tell(f, Told.ROOM, 1);
      f.return(0);
    });
    const full = or(
      lessU(INTERNALS - MARGIN - CONSTANTS, constants),
      lessU(INTERNALS_END - MARGIN - INTERNALS, internals),
    );
    f.if(full, () => f.return(0));
    f.set(parts, or(parts, and(word(template, TemplateWord.READS), xor(set, -1))));
    f.if(bytes ? and(parts, FLAGS_KEPT) : parts, () => f.set(readsFlags, 1));
    f.set(set, or(set, word(template, TemplateWord.SETS)));
    f.set(after, word(template, TemplateWord.KIND));
    f.if(differ(after, ANY_KIND), () => {
      leave(kind);
      // what asked for flags at run time leaves the answer behind
      f.if(set, () => leave(own));
    });
    // see formBehind
    f.set(before, form);
    f.set(form, word(template, TemplateWord.NEXT));
    if (!bytes) {
      f.if(and(form, CONTINUES), () => {
        const kept = and(before, 0xe0 << IT_SHIFT);
        const moved = and(shl(before, 1), 0x1e << IT_SHIFT);
        f.set(form, or(and(form, ~CONTINUES), or(kept, moved)));
      });
    }
    // records
    f.set(at, add(template, TemplateWord.SIZE));
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
    const [place, patch, sign] = [f.local(), f.local(), f.local()];
    f.while(lessU(at, end), () => {
      f.set(patch, word(at));
      f.set(sign, shrS(patch, 31));
      f.set(place, add(record, shl(and(patch, Patch.PLACE), 2)));
      const value = load1(shl(and(shrU(patch, Patch.VARIABLE), 0xff), 2), VARS);
      f.store(place, 0, add(load(place), sub(xor(shl(value, shrU(patch, Patch.SHIFT)), sign), sign)));
      f.set(at, add(at, 1));
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
    f.set(pc, next);
    f.set(left, sub(left, 1));
    f.if(and(flags, Flag.ENDS), () => {
      // what serves every kind must not tell the one it was made for to those behind it
      passed(out);
      f.set(n, word(at));
      f.set(at, add(at, 1));
      f.while(n, () => {
        f.set(end, out);
        f.if(lessS(word(at, 1), 0), () => f.set(end, -1));
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
  // an IT block is not cut
  f.if(lessU(HALVES, form), () => f.return(0));
  passed(out);
  f.store(to, 0, specialNumber('jump'));
  f.store(to, 4, 0);
  f.store(to, 8, 0);
  f.store(to, 12, sub(address, 1));
  link(shrU(sub(to, first), 4), pc, out);
  f.set(to, add(to, RECORD));
  finish();
  f.code.unreachable();
  return f;
};

/** Where nobody looks ahead. */
const NO_WORDS: FlagWords = { reads: [[0, 1]], sets: [[0, 1]] };

/**
 * The module's bytes: exports `make` and `follow` (see block-maker.ts), and the others. Memory pages are those of memory 0,
 * words AArch64's; null: of a guest whose instructions are bytes.
 */
export const composerModule = (
  memoryPages: { initial: number; maximum: number },
  flagWords: FlagWords | null,
): Uint8Array<ArrayBuffer> => {
  const bytes = flagWords === null;
  return encodeModule({
    types: [1, 2, 3, 4, 5].map((n) => ({ params: new Array<'i32'>(n).fill('i32'), results: ['i32'] })),
    imports: [
      { name: 'made', type: 1 },
      { name: 'crosses', type: 0 },
      { name: 'lookAhead', type: 0 },
      { name: 'note', type: 1 },
      { name: 'want', type: 0 },
    ],
    funcs: [
      bytes ? { type: 2, code: keyFunction().code, export: 'at' } : { type: 1, code: atFunction().code, export: 'at' },
      { type: 3, code: (bytes ? byteFindFunction(F) : findFunction()).code, export: 'find' },
      { type: 0, code: evaluateFunction().code, export: 'evaluate' },
      { type: 4, code: composeFunction(bytes).code, export: 'compose' },
      ...(bytes
        ? [
            { type: 0, code: readFunction().code, export: 'read' },
            { type: 0, code: nameFunction().code, export: 'name' },
          ]
        : [
            { type: 1, code: getFunction().code, export: 'get' },
            { type: 2, code: putFunction().code, export: 'putField' },
          ]),
      { type: 1, code: placeFunction().code },
      { type: 0, code: lookFunction(F.PLACE, flagWords ?? NO_WORDS).code, export: 'look' },
      ...makerFunctions(F, bytes).map(({ name, params, writer }) => ({
        type: params - 1,
        code: writer.code,
        export: name,
      })),
    ],
    memoryPages,
    importMemory1: true,
    data1: { at: PAIRS, bytes: pairTable().bytes },
  });
};
