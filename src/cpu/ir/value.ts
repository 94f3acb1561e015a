import type { OpInfo } from './opcodes.ts';
import type { Type } from './types.ts';

/**
 * One operation and its result (SSA within a block). Back ends may use `slot` and `uses` as scratch;
 * `uses` is kept by the builder: how many operations and terminals name this value.
 */
export class Value<T extends Type = Type> {
  readonly info: OpInfo;
  readonly type: T;
  readonly a: Value | null;
  readonly b: Value | null;
  readonly c: Value | null;
  /** Constant (low 32 bits as int32, or the float), state offset, displacement, lane, cc kind or helper. */
  imm: number;
  /** High 32 bits of an i64 constant; second argument of a helper; bits of an address that have to be 0. */
  hi: number;
  /** Lanes of i8x16.shuffle, or the 16 bytes of a v128 constant. */
  readonly lanes: readonly number[] | null;
  /** Guest pc of the instruction this came from. */
  readonly pc: number;
  uses = 0;
  slot = 0;
  /** Scratch of back ends: uses not yet emitted. */
  left = 0;
  /** Scratch of the cold tier: an i32 whose slot has zeros in its upper half. */
  clear = false;
  /** Scratch of the builder: the last sum of this value and one that is no constant. */
  sum: Value | null = null;

  constructor(
    info: OpInfo,
    a: Value | null,
    b: Value | null,
    c: Value | null,
    imm: number,
    hi: number,
    lanes: readonly number[] | null,
    pc: number,
  ) {
    this.info = info;
    this.type = info.result as T;
    this.a = a;
    this.b = b;
    this.c = c;
    this.imm = imm;
    this.hi = hi;
    this.lanes = lanes;
    this.pc = pc;
    if (a) a.uses++;
    if (b) b.uses++;
    if (c) c.uses++;
  }

  get isConst(): boolean {
    return this.info.kind === 'const';
  }
}
