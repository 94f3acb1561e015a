import {
  add,
  and,
  call,
  differ,
  equal,
  isZero,
  type Local,
  lessS,
  lessU,
  load,
  load1,
  load8,
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
import {
  BY_ITSELF,
  DISP_SHIFT,
  FAR,
  Form,
  FormHead,
  GREATEST,
  IMM_SHIFT,
  IMMEDIATE_SHIFT,
  IMPLICIT_SHIFT,
  Immediate,
  KEY_SLOT,
  LEVEL_SHIFT,
  LEVELS,
  NO_REGISTER,
  NumberClass,
  RIP_BASE,
} from './byte-forms.ts';
import { FILE, READ, Read, VARS } from './composer-layout.ts';
import { GUEST_BASE } from './memory/layout.ts';
import { Variable } from './template.ts';
import { ANY_FLAGS, EVERY_KIND, HASH, NONE } from './template-file.ts';

/**
 * The part of the composer's module that reads instructions of bytes (x86) and finds their templates: see byte-forms.ts.
 * What it does not read is lifted: an address size of its own with a memory operand, prefixes before VEX.
 */

/** Longest instruction, in bytes. */
const LONGEST = 15;

const word = (index: Word, offset = 0): Push => load1(shl(index, 2), FILE + 4 * offset);
const head = (n: number): Push => load1(FILE + 4 * n);
const read = (n: number): Push => load1(READ + 4 * n);
const note = (f: Writer, n: number, value: Word): void => f.store1(READ + 4 * n, 0, value);
const variable = (f: Writer, n: number, value: Word): void => f.store1(4 * n, VARS, value);
const byte = (at: Word): Push => load8(at, GUEST_BASE);
const signed = (value: Word, bits: number): Push => shrS(shl(value, 32 - bits), 32 - bits);

/** (the key's words) → the template's index, 0 or NONE. */
export const keyFunction = (): Writer => {
  const f = new Writer(3);
  const [first, second, third] = [f.param(0), f.param(1), f.param(2)];
  const mixed = f.local(mul(xor(first, mul(xor(second, mul(third, HASH | 0)), HASH | 0)), HASH | 0));
  const mask = f.local(sub(head(FormHead.SLOTS), 1));
  const n = f.local(and(xor(mixed, shrU(mixed, 15)), mask));
  const [slot, found] = [f.local(), f.local()];
  f.while(1, () => {
    f.set(slot, add(mul(n, KEY_SLOT), FormHead.SIZE));
    f.set(found, word(slot, 3));
    f.if(isZero(found), () => f.return(0));
    const same = and(equal(word(slot), first), and(equal(word(slot, 1), second), equal(word(slot, 2), third)));
    f.if(same, () => f.return(found));
    f.set(n, and(add(n, 1), mask));
  });
  f.code.unreachable();
  return f;
};

/** Set `to` to the class of a number: see NumberClass. */
const classify = (f: Writer, value: Local, to: Local, is64: Word, far: boolean): void => {
  f.set(to, NumberClass.ZERO);
  f.if(lessS(0, value), () => {
    f.set(to, NumberClass.POSITIVE);
    if (far) f.if(and(isZero(is64), lessS(FAR - 1, value)), () => f.set(to, NumberClass.FAR_POSITIVE));
  });
  f.if(lessS(value, 0), () => {
    f.set(to, NumberClass.NEGATIVE);
    if (far) f.if(and(isZero(is64), lessS(value, 1 - FAR)), () => f.set(to, NumberClass.FAR_NEGATIVE));
  });
  if (far) return;
  f.if(equal(value, 1), () => f.set(to, NumberClass.ONE));
  f.if(equal(value, -1), () => f.set(to, NumberClass.MINUS_ONE));
};

/** NOP r/m, behind 0F. */
const LONG_NOP = 0x1f;

/** (pc) → the first byte behind the instruction there, or 0; what was read is noted. */
export const readFunction = (): Writer => {
  const f = new Writer(1);
  const pc = f.param(0);
  const is64 = f.local(equal(head(FormHead.MODE), 64));
  const at = f.local(pc);
  const last = f.local(add(pc, LONGEST));
  const [b, prefixes, rex, w, size16] = [f.local(), f.local(), f.local(), f.local(), f.local()];
  const code = f.local();
  const searching = f.local(1);
  /** A prefix in a key: bits, behind those that it takes the place of. */
  const prefix = (value: number, mask: number, bits: number): void =>
    f.if(equal(b, value), () => {
      f.set(prefixes, or(and(prefixes, ~mask), bits));
      f.set(searching, 1);
    });
  f.while(searching, () => {
    f.set(b, byte(at));
    f.set(searching, 0);
    f.if(
      and(is64, equal(and(b, 0xf0), 0x40)),
      () => {
        f.set(rex, b);
        f.set(at, add(at, 1));
        f.set(searching, 1);
      },
      () => {
        f.if(or(and(equal(and(b, 0xe7), 0x26), 1), or(equal(and(b, 0xfc), 0x64), equal(and(b, 0xfc), 0xf0))), () => {
          // segments without a base take that of FS and GS away
          f.if(equal(and(b, 0xe7), 0x26), () => {
            f.set(searching, 1);
            f.if(isZero(is64), () => {
              f.if(equal(b, 0x2e), () => f.set(code, 1));
              f.set(prefixes, and(prefixes, ~(3 << 19)));
            });
          });
          prefix(0x66, 0, 1 << 15);
          prefix(0xf2, 3 << 16, 1 << 16);
          prefix(0xf3, 3 << 16, 2 << 16);
          prefix(0xf0, 0, 1 << 18);
          prefix(0x64, 3 << 19, 1 << 19);
          prefix(0x65, 3 << 19, 2 << 19);
          prefix(0x67, 0, 1 << 21);
          f.if(searching, () => {
            f.set(rex, 0);
            f.set(at, add(at, 1));
          });
        });
      },
    );
    f.if(lessU(last, at), () => f.return(0));
  });
  f.set(w, and(shrU(rex, 3), 1));
  f.set(size16, and(shrU(prefixes, 15), 1));
  note(f, Read.OPCODE_AT, at);
  // opcode
  const [map, vex, vvvv] = [f.local(), f.local(), f.local(NO_REGISTER)];
  f.set(b, byte(at));
  f.set(at, add(at, 1));
  f.if(
    and(equal(and(b, 0xfe), 0xc4), or(is64, lessU(0xbf, byte(at)))),
    () => {
      f.if(or(rex, and(prefixes, 7 << 15)), () => f.return(0));
      const [one, end] = [f.local(byte(at)), f.local(byte(at))];
      f.set(at, add(at, 1));
      f.set(map, 1);
      f.set(rex, and(shrU(xor(one, -1), 5), 4));
      f.if(equal(b, 0xc4), () => {
        f.set(rex, and(shrU(xor(one, -1), 5), 7));
        f.set(map, and(one, 31));
        f.set(end, byte(at));
        f.set(at, add(at, 1));
        f.set(w, shrU(end, 7));
      });
      f.if(lessU(3, map), () => f.return(0));
      f.set(vex, 1);
      f.set(vvvv, and(shrU(xor(end, -1), 3), 15));
      f.if(
        is64,
        () => f.set(rex, or(0x40, rex)),
        () => {
          f.set(rex, 0);
          f.set(vvvv, and(vvvv, 7));
        },
      );
      const kind = f.local(and(end, 3));
      f.set(size16, equal(kind, 1));
      f.set(prefixes, or(prefixes, shl(size16, 15)));
      f.if(lessU(1, kind), () => f.set(prefixes, or(prefixes, shl(sub(4, kind), 16))));
      f.set(prefixes, or(prefixes, shl(and(end, 4), 22)));
      f.set(b, byte(at));
      f.set(at, add(at, 1));
    },
    () => {
      f.if(equal(b, 0x0f), () => {
        f.set(map, 1);
        f.set(b, byte(at));
        f.set(at, add(at, 1));
        f.if(equal(and(b, 0xfd), 0x38), () => {
          f.set(map, sub(3, equal(b, 0x38)));
          f.set(b, byte(at));
          f.set(at, add(at, 1));
        });
      });
    },
  );
  const opcode = f.local(b);
  // code cannot be written, which is for the decoder; compilers fill up with long NOPs of that segment
  f.if(and(code, or(differ(map, 1), differ(opcode, LONG_NOP))), () => f.return(0));
  const modrm = f.local(byte(at));
  const mod = f.local(shrU(modrm, 6));
  const form = f.local(word(add(add(shl(vex, 10), shl(map, 8)), opcode), FormHead.FORMS));
  f.if(lessS(form, 0), () => {
    const of = f.local(add(and(form, ~Form.GROUP), and(shrU(modrm, 3), 7)));
    f.set(form, word(add(of, shl(equal(mod, 3), 3))));
  });
  f.if(isZero(form), () => f.return(0));
  note(f, Read.FORM, form);
  note(f, Read.REX, rex);
  note(f, Read.MODRM_AT, 0);
  note(f, Read.DISP_AT, 0);
  note(f, Read.IMM_AT, 0);
  note(f, Read.MEMORY, 0);
  const [reg, base, index, scale, disp] = [f.local(NO_REGISTER), f.local(NO_REGISTER), f.local(NO_REGISTER), f.local(), f.local()]; // biome-ignore format: one line
  const extended = (n: Word, bit: number): Push => or(n, shl(and(shrU(rex, bit), 1), 3));
  f.if(and(form, Form.PLUS), () => f.set(base, extended(and(opcode, 7), 0)));
  const wide = f.local();
  const dispClass = f.local();
  f.if(
    and(form, Form.MODRM),
    () => {
      note(f, Read.MODRM_AT, at);
      f.set(at, add(at, 1));
      f.set(reg, extended(and(shrU(modrm, 3), 7), 2));
      f.set(base, extended(and(modrm, 7), 0));
      f.if(differ(mod, 3), () => {
        f.if(and(prefixes, 1 << 21), () => f.return(0));
        note(f, Read.MEMORY, 1);
        f.set(wide, equal(mod, 2));
        f.if(
          equal(and(modrm, 7), 4),
          () => {
            const sib = f.local(byte(at));
            f.set(at, add(at, 1));
            f.set(index, extended(and(shrU(sib, 3), 7), 1));
            f.if(equal(index, 4), () => f.set(index, NO_REGISTER));
            f.set(scale, shrU(sib, 6));
            f.set(base, extended(and(sib, 7), 0));
            f.if(and(equal(and(sib, 7), 5), isZero(mod)), () => {
              f.set(base, NO_REGISTER);
              f.set(wide, 1);
            });
          },
          () =>
            f.if(and(equal(and(modrm, 7), 5), isZero(mod)), () => {
              f.set(base, sub(NO_REGISTER, is64));
              f.set(wide, 1);
            }),
        );
        note(f, Read.DISP_AT, at);
        f.if(
          wide,
          () => {
            f.set(disp, load(at, GUEST_BASE));
            f.set(at, add(at, 4));
            // with the halves of a vector behind it that would be no 32-bit number
            f.if(and(is64, lessS(GREATEST, disp)), () => f.return(0));
          },
          () =>
            f.if(
              equal(mod, 1),
              () => {
                f.set(disp, signed(byte(at), 8));
                f.set(at, add(at, 1));
              },
              () => note(f, Read.DISP_AT, 0),
            ),
        );
        variable(f, Variable.DISPLACEMENT, disp);
        classify(f, disp, dispClass, is64, true);
      });
    },
    () => f.set(mod, 0),
  );
  // the immediate
  const kind = f.local(and(shrU(form, IMMEDIATE_SHIFT), 7));
  const value = f.local();
  f.if(kind, () => {
    note(f, Read.IMM_AT, at);
    const short = f.local(and(size16, isZero(w)));
    f.set(value, load(at, GUEST_BASE));
    const take = (bytes: number): void => {
      if (bytes < 4) f.set(value, signed(value, 8 * bytes));
      f.set(at, add(at, bytes));
    };
    const is = (n: number): Push => equal(kind, n);
    f.if(is(Immediate.NEAR), () => f.set(short, and(short, isZero(is64))));
    f.if(
      is(Immediate.BYTE),
      () => take(1),
      () => {
        f.if(
          or(is(Immediate.HALF), and(short, and(lessU(Immediate.WORD, kind), lessU(kind, Immediate.ADDRESS)))),
          () => take(2),
          () => {
            const whole = f.local(or(and(is(Immediate.WHOLE), w), and(is(Immediate.ADDRESS), is64)));
            f.if(and(is(Immediate.ADDRESS), differ(and(prefixes, 1 << 21), 0)), () => f.return(0));
            take(4);
            f.if(whole, () => {
              variable(f, Variable.HIGH, load(at, GUEST_BASE));
              f.set(at, add(at, 4));
            });
          },
        );
      },
    );
    variable(f, Variable.IMMEDIATE, value);
  });
  f.if(lessU(last, at), () => f.return(0));
  // a target beyond 32 bits would need its upper half
  const distance = f.local();
  f.if(equal(base, RIP_BASE), () => f.set(distance, disp));
  f.if(and(form, Form.DISTANCE), () => f.set(distance, value));
  f.if(differ(lessS(distance, 0), lessU(add(at, distance), at)), () => f.return(0));
  note(f, Read.REG, reg);
  note(f, Read.BASE, base);
  note(f, Read.INDEX, index);
  note(f, Read.VVVV, vvvv);
  note(f, Read.NEXT, at);
  variable(f, Variable.PC, pc);
  const number = and(opcode, sub(-1, mul(differ(and(form, Form.PLUS), 0), 7)));
  const key = [number, shl(map, 8), shl(vex, 10), shl(sub(at, pc), 11), prefixes, shl(differ(rex, 0), 22), shl(w, 23)];
  // VEX.L is bit 24
  key.push(shl(mod, 25), shl(scale, 27), shl(dispClass, DISP_SHIFT));
  note(
    f,
    Read.KEY,
    key.reduce((a, b) => or(a, b)),
  );
  f.return(at);
  return f;
};

/** (level) → the second word of the key of what was read; sets the variables of registers. */
export const nameFunction = (): Writer => {
  const f = new Writer(1);
  const level = f.param(0);
  const form = f.local(read(Read.FORM));
  const [count, register, name, key, alone, shift, field] = Array.from({ length: 7 }, () => f.local()) as [Local, Local, Local, Local, Local, Local, Local]; // biome-ignore format: one line
  f.while(lessU(field, 4), () => {
    f.set(register, load1(shl(field, 2), READ + 4 * Read.REG));
    f.set(name, register);
    f.if(lessU(register, 16), () => {
      f.set(alone, equal(level, LEVELS - 1));
      f.if(lessU(register, 8), () => f.set(alone, or(alone, and(shrU(form, add(register, IMPLICIT_SHIFT)), 1))));
      const high = and(isZero(read(Read.REX)), equal(and(register, 12), 4));
      const has = (bit: number): Push => differ(and(form, bit), 0);
      f.if(and(isZero(field), has(Form.FIXED_REG)), () => f.set(alone, 1));
      // of VEX 0 mostly says that there is none
      f.if(and(equal(field, 3), isZero(register)), () => f.set(alone, 1));
      f.if(and(isZero(field), has(Form.BYTE_REG)), () => f.set(alone, or(alone, high)));
      f.if(and(and(equal(field, 1), isZero(read(Read.MEMORY))), has(Form.BYTE_RM)), () =>
        f.set(alone, or(alone, high)),
      );
      f.if(
        alone,
        () => f.set(name, add(register, BY_ITSELF)),
        () => {
          f.set(name, 0);
          f.while(and(lessU(name, count), differ(load1(shl(name, 2), VARS), register)), () =>
            f.set(name, add(name, 1)),
          );
          f.if(equal(name, count), () => {
            f.store1(shl(count, 2), VARS, register);
            f.set(count, add(count, 1));
          });
        },
      );
    });
    f.set(key, or(key, shl(name, shift)));
    f.set(shift, add(shift, 6));
    f.set(field, add(field, 1));
  });
  const of = f.local(load1(4 * Variable.IMMEDIATE, VARS));
  const found = f.local();
  f.if(and(isZero(level), differ(and(form, 7 << IMMEDIATE_SHIFT), 0)), () => classify(f, of, found, 0, false));
  f.return(or(key, or(shl(found, IMM_SHIFT), shl(level, LEVEL_SHIFT))));
  return f;
};

/** (anything, anything, pc, kind) → the index of the template for the instruction there with the variables set, or 0. */
export const byteFindFunction = (F: { readonly AT: number; readonly READ: number; readonly NAME: number }): Writer => {
  const f = new Writer(4);
  const [pc, kind] = [f.param(2), f.param(3)];
  f.if(isZero(call(F.READ, pc)), () => f.return(0));
  const [level, template, second, third] = [f.local(), f.local(NONE), f.local(), f.local()];
  const value = f.local(load1(4 * Variable.IMMEDIATE, VARS));
  const has = f.local(and(read(Read.FORM), 7 << IMMEDIATE_SHIFT));
  f.while(equal(template, NONE), () => {
    f.if(equal(level, LEVELS), () => f.return(0));
    f.if(and(level, isZero(has)), () => f.set(level, LEVELS - 1));
    f.set(third, 0);
    f.if(and(differ(level, 0), differ(has, 0)), () => {
      f.if(differ(value, signed(value, 16)), () => f.return(0));
      f.set(third, shl(value, 16));
    });
    f.set(second, call(F.NAME, level));
    const look = (served: Word): void =>
      f.set(template, call(F.AT, read(Read.KEY), second, or(third, and(sub(served, EVERY_KIND), 0xff))));
    look(EVERY_KIND);
    f.if(isZero(template), () => look(kind));
    f.if(isZero(template), () => look(ANY_FLAGS));
    f.if(isZero(template), () => f.return(0));
    f.set(level, add(level, 1));
  });
  f.return(template);
  return f;
};
