import type { OpName } from '../../ir/opcodes.ts';
import { Code } from './encoder.ts';

/** What pushes an i32. */
export type Push = (c: Code) => void;
export type Word = number | Push;
export type Local = Push & { readonly index: number };

const push = (c: Code, word: Word): void => {
  if (typeof word === 'number') c.i32(word);
  else word(c);
};

const unary =
  (name: OpName) =>
  (a: Word): Push =>
  (c) => {
    push(c, a);
    c.op(name);
  };
const binary =
  (name: OpName) =>
  (a: Word, b: Word): Push =>
  (c) => {
    push(c, a);
    push(c, b);
    c.op(name);
  };

export const isZero = unary('i32.eqz');
export const add = binary('i32.add');
export const sub = binary('i32.sub');
export const mul = binary('i32.mul');
export const divS = binary('i32.div_s');
export const and = binary('i32.and');
export const or = binary('i32.or');
export const xor = binary('i32.xor');
export const shl = binary('i32.shl');
export const shrU = binary('i32.shr_u');
export const shrS = binary('i32.shr_s');
export const equal = binary('i32.eq');
export const differ = binary('i32.ne');
export const lessU = binary('i32.lt_u');
export const lessS = binary('i32.lt_s');

/** The word at an address of memory 0. */
export const load =
  (address: Word, offset = 0): Push =>
  (c) => {
    push(c, address);
    c.mem('i32.load', offset);
  };

/** The word at an address of memory 1. */
export const load1 =
  (address: Word, offset = 0): Push =>
  (c) => {
    push(c, address);
    c.mem1('i32.load', offset);
  };

/** The half word at an address of memory 0. */
export const load16 =
  (address: Word, offset = 0): Push =>
  (c) => {
    push(c, address);
    c.mem('i32.load16_u', offset);
  };

/** The byte at an address of memory 1. */
export const load8of1 =
  (address: Word, offset = 0): Push =>
  (c) => {
    push(c, address);
    c.mem1('i32.load8_u', offset);
  };

/** The byte at an address of memory 0. */
export const load8 =
  (address: Word, offset = 0): Push =>
  (c) => {
    push(c, address);
    c.mem('i32.load8_u', offset);
  };

/** Call of a function by its index. */
export const call =
  (func: number, ...args: readonly Word[]): Push =>
  (c) => {
    for (const arg of args) push(c, arg);
    c.call(func);
  };

/** Writes a wasm function of i32s as statements and expressions: for the few that are made by hand. */
export class Writer {
  readonly code: Code;

  /** `params`: number of parameters. */
  constructor(params: number) {
    this.code = new Code(params);
  }

  private at(index: number): Local {
    return Object.assign((c: Code) => c.get(index), { index });
  }

  param(n: number): Local {
    return this.at(n);
  }

  /** A new local, set to a value. */
  local(value: Word = 0): Local {
    const local = this.at(this.code.local('i32'));
    this.set(local, value);
    return local;
  }

  set({ index }: Local, value: Word): void {
    push(this.code, value);
    this.code.set(index);
  }

  store(address: Word, offset: number, value: Word): void {
    push(this.code, address);
    push(this.code, value);
    this.code.mem('i32.store', offset);
  }

  store8(address: Word, offset: number, value: Word): void {
    push(this.code, address);
    push(this.code, value);
    this.code.mem('i32.store8', offset);
  }

  store16(address: Word, offset: number, value: Word): void {
    push(this.code, address);
    push(this.code, value);
    this.code.mem('i32.store16', offset);
  }

  /** A store that other host threads see after all before it. */
  publish(address: Word, offset: number, value: Word): void {
    push(this.code, address);
    push(this.code, value);
    this.code.mem('i32.atomic.store', offset, 2);
  }

  store1(address: Word, offset: number, value: Word): void {
    push(this.code, address);
    push(this.code, value);
    this.code.mem1('i32.store', offset);
  }

  /** Copy 16 bytes from memory 1 to memory 0. */
  copy16(to: Word, from: Word): void {
    push(this.code, to);
    push(this.code, from);
    this.code.mem1('v128.load', 0);
    this.code.mem('v128.store', 0);
  }

  if(condition: Word, then: () => void, otherwise?: () => void): void {
    push(this.code, condition);
    this.code.if();
    then();
    if (otherwise) {
      this.code.else();
      otherwise();
    }
    this.code.end();
  }

  while(condition: Word, body: () => void): void {
    const { code } = this;
    code.block();
    code.loop();
    push(code, condition);
    code.op('i32.eqz');
    code.brIf(1);
    body();
    code.br(0);
    code.end();
    code.end();
  }

  /** An expression whose value nobody needs. */
  do(value: Push): void {
    push(this.code, value);
    this.code.drop();
  }

  return(value: Word): void {
    push(this.code, value);
    this.code.return();
  }
}
