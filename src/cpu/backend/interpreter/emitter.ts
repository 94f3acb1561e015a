import type { Type } from '../../ir/types.ts';
import { Value } from '../../ir/value.ts';
import { GUEST_BASE, PageByte, READ_BYTES, READ_PAIRS, State, WRITE_BYTES, WRITE_PAIRS } from '../../memory/layout.ts';
import { Code } from '../wasm/encoder.ts';
import { emitPure } from '../wasm/pure.ts';
import type { Handler } from './handlers.ts';

/** Imports, by index: see Cpu for what they do. All take the CPU state's offset first. */
export const IMPORTS = ['syscall', 'helper', 'memory', 'lookup', 'link', 'hot', 'refuel'] as const;
export const F = {
  syscall: 0,
  helper: 1,
  memory: 2,
  lookup: 3,
  link: 4,
  hot: 5,
  refuel: 6,
  run: 7,
  cold: 8,
  dispatch: 9,
  native: 11,
  clmul: 12,
  loadList: 13,
  storeList: 14,
  natives: 15,
} as const;
/** Type indices. */
export const T = { i_i: 0, ii_i: 1, iii_i: 2, ll_v: 3 } as const;

/** Places in a record. */
export const REC = { d: 2, a: 4, b: 6, imm: 8, pc: 12 } as const;
/** Parameters. */
export const STATE = 0;
export const DEPTH = 1;

/** Type of the guest's addresses (see `addr` in the table of operations). */
export type AddressType = 'i32' | 'i64';
let addressType: AddressType = 'i64';

/** Emit for guests with such addresses from now on. */
export const setAddressType = (type: AddressType): void => {
  addressType = type;
};

/** Emits handlers; `ip` is the local with the record's wasm offset. */
export class Emitter {
  readonly code: Code;
  readonly ip: number;
  readonly addr: number;
  readonly wide: number[];
  readonly tmp: number;
  /** Local for the depth that calls get, where there are some. */
  below = -1;
  /** Which record behind that at `ip` handlers are for, in bytes. */
  at = 0;
  /** Label to leave a handler by that finds no plain memory, before it has done anything; null: it does what is to be done. */
  elsewhere: number | null = null;

  constructor(params: number, ip: number | null) {
    this.code = new Code(params);
    this.ip = ip ?? this.code.local('i32');
    this.addr = this.code.local('i64');
    this.tmp = this.code.local('i32');
    this.wide = [this.code.local('i64'), this.code.local('i64'), this.code.local('i64')];
  }

  field(name: 'd' | 'a' | 'b'): void {
    this.code.get(this.ip);
    this.code.mem('i32.load16_u', this.at + REC[name]);
  }
  imm(): void {
    this.wordOf('imm', 'i32.load');
  }
  pc(): void {
    this.wordOf('pc', 'i32.load');
  }
  /** Pushes one of the record's words, or both. */
  wordOf(name: 'imm' | 'pc', load: 'i32.load' | 'i64.load' | 'i64.load32_s' | 'i64.load32_u'): void {
    this.code.get(this.ip);
    this.code.mem(load, this.at + REC[name], load === 'i64.load' ? 3 : 2);
  }
  /** Address (wasm offset) of the state slot named by a field. */
  slot(name: 'd' | 'a' | 'b'): void {
    this.code.get(STATE);
    this.field(name);
    this.code.op('i32.add');
  }
  read(type: Type, name: 'a' | 'b'): void {
    this.slot(name);
    this.code.mem(`${type}.load`, 0, 0);
  }
  /** Pushes the guest address in slot a as 64 bits. */
  readAddress(): void {
    this.read(addressType, 'a');
    if (addressType === 'i32') this.code.op('i64.extend_i32_u');
  }
  /** The third operand: its offset is in imm. */
  readThird(type: Type): void {
    this.code.get(STATE);
    this.imm();
    this.code.op('i32.add');
    this.code.mem(`${type}.load`, 0, 0);
  }
  write(type: Type): void {
    this.code.mem(`${type}.store`, 0, 0);
  }
  /** Store a result; one of 32 bits with zeros above it (see `clear` in encode.ts). */
  result(type: Type): void {
    if (type === 'i32') this.code.op('i64.extend_i32_u');
    this.write(type === 'i32' ? 'i64' : type);
  }
  storePc(): void {
    this.code.get(STATE);
    this.wordOf('pc', 'i64.load32_u');
    this.code.mem('i64.store', State.PC, 3);
  }
  leave(): void {
    this.code.i32(-1);
    this.code.return();
  }
  exit(reason: number): void {
    this.code.get(STATE);
    this.code.i32(reason);
    this.code.mem('i32.store', State.EXIT_REASON, 2);
    this.leave();
  }

  /**
   * addr ← a + imm, checked for `size` bytes; leaves when the memory stub says so. `mask`: the field that tells which bits
   * of the address have to be 0.
   */
  address(size: number, write: boolean, atomic: boolean, mask: 'd' | 'b' | null = null): void {
    const c = this.code;
    const [bytes, pairs] = write ? [WRITE_BYTES, WRITE_PAIRS] : [READ_BYTES, READ_PAIRS];
    this.readAddress();
    if (!atomic) {
      this.wordOf('imm', 'i64.load32_s');
      c.op('i64.add');
    }
    c.tee(this.addr);
    c.op('i32.wrap_i64');
    c.set(this.tmp);
    this.pageByte(size > 1 ? pairs : bytes, 0);
    this.orSpecial(size, atomic, mask);
    c.unlikelyIf();
    if (this.elsewhere !== null) return this.goElsewhere(this.elsewhere);
    if (size > 1) {
      // the last plain page before another: its pair says no
      this.pageByte(bytes, 0);
      this.pageByte(bytes, size - 1);
      c.op('i32.and');
      this.orSpecial(size, atomic, mask);
      c.unlikelyIf();
    }
    c.get(STATE);
    c.get(this.addr);
    c.mem('i64.store', State.FAULT_ADDR, 3);
    c.get(STATE);
    c.i32((write ? 2 : 1) | (atomic ? 8 : 0) | (size << 8));
    if (mask) {
      this.field(mask);
      c.i32(16);
      c.op('i32.shl');
      c.op('i32.or');
    }
    c.mem('i32.store', State.EXIT_INFO, 2);
    this.storePc();
    c.get(STATE);
    c.call(F.memory);
    c.unlikelyIf();
    this.leave();
    c.end();
    c.get(STATE);
    c.mem('i64.load', State.FAULT_ADDR, 3);
    c.set(this.addr);
    c.end();
    if (size > 1) c.end();
  }

  /** Inside an if, which ends with this: have the record at hand done by its own handler. */
  private goElsewhere(label: number): void {
    const c = this.code;
    if (this.at > 0) {
      c.get(this.ip);
      c.i32(this.at);
      c.op('i32.add');
      c.set(this.ip);
    }
    c.br(label + 1);
    c.end();
  }

  /** addr ← a + imm; pushes whether the page there and the next are plain. */
  plain(write: boolean): void {
    const c = this.code;
    this.readAddress();
    this.wordOf('imm', 'i64.load32_s');
    c.op('i64.add');
    c.tee(this.addr);
    c.op('i32.wrap_i64');
    c.set(this.tmp);
    this.pageByte(write ? WRITE_PAIRS : READ_PAIRS, 0);
    this.orSpecial(1, false);
    c.op('i32.eqz');
  }

  /** Pushes the byte that a table has for the page of tmp + `by`. */
  private pageByte(table: number, by: number): void {
    const c = this.code;
    c.get(this.tmp);
    if (by > 0) {
      c.i32(by);
      c.op('i32.add');
    }
    c.i32(12);
    c.op('i32.shr_u');
    c.mem('i32.load8_u', table);
  }

  /** 0 if the value is PageByte.PLAIN and the address has no upper half, nor is misaligned where that matters. */
  private orSpecial(size: number, atomic: boolean, mask: 'd' | 'b' | null = null): void {
    const c = this.code;
    c.i32(PageByte.PLAIN);
    c.op('i32.xor');
    c.get(this.addr);
    c.i64(32);
    c.op('i64.shr_u');
    c.op('i32.wrap_i64');
    c.op('i32.or');
    if (mask || (atomic && size > 1)) {
      c.get(this.tmp);
      if (mask) this.field(mask);
      else c.i32(size - 1);
      c.op('i32.and');
      c.op('i32.or');
    }
  }

  guest(): void {
    this.code.get(this.addr);
    this.code.op('i32.wrap_i64');
  }

  pure(h: Handler & { kind: 'pure' | 'pureImm' | 'branch' | 'branchImm' }): void {
    const { info } = h;
    const args = info.args as readonly Type[];
    for (const [i, type] of args.entries()) {
      if (i === 2) this.readThird(type);
      else if (i === 1 && (h.kind === 'pureImm' || h.kind === 'branchImm')) {
        this.wordOf(h.kind === 'pureImm' ? 'imm' : 'pc', type === 'i64' ? 'i64.load32_s' : 'i32.load');
      } else this.read(type, i === 0 ? 'a' : 'b');
    }
    if (info.name === 'i8x16.shuffle') return this.shuffle();
    emitPure(
      this.code,
      new Value(info, null, null, null, 0, 0, null, 0),
      (n, type) => (type === 'v128' ? this.vectors(n) : (this.wide[n] as number)),
      F.clmul,
    );
  }

  private readonly vectorLocals: number[] = [];
  private vectors(n: number): number {
    return (this.vectorLocals[n] ??= this.code.local('v128'));
  }

  /** Lanes are not constants here: two swizzles with masks from the constant pool at imm. */
  private shuffle(): void {
    const c = this.code;
    const second = this.vector();
    c.set(second);
    this.imm();
    c.mem('v128.load', 0, 0);
    c.op('i8x16.swizzle');
    c.get(second);
    this.imm();
    c.mem('v128.load', 16, 0);
    c.op('i8x16.swizzle');
    c.op('v128.or');
  }
  private second: number | null = null;
  private vector(): number {
    this.second ??= this.code.local('v128');
    return this.second;
  }

  /** A handler that goes on with the next record. */
  straight(h: Handler): void {
    const c = this.code;
    switch (h.kind) {
      case 'pure':
      case 'pureImm':
        this.slot('d');
        this.pure(h);
        this.result(h.info.result as Type);
        return;
      case 'load':
        this.address(h.info.size, false, false, h.aligned ? 'b' : null);
        this.slot('d');
        this.guest();
        c.mem(h.info.name, GUEST_BASE, 0);
        this.result(h.info.result as Type);
        return;
      case 'store':
        this.address(h.info.size, true, false, h.aligned ? 'd' : null);
        this.guest();
        this.read(h.info.args[1] as Type, 'b');
        c.mem(h.info.name, GUEST_BASE, 0);
        return;
      case 'atomic': {
        const { info } = h;
        this.address(info.size, !info.name.includes('.load'), true);
        if (info.result !== 'void') this.slot('d');
        this.guest();
        if (info.args.length > 1) this.read(info.args[1] as Type, 'b');
        if (info.args.length > 2) this.readThird(info.args[2] as Type);
        c.mem(info.name, GUEST_BASE, Math.log2(info.size));
        if (info.result !== 'void') this.write(info.result as Type);
      }
    }
  }
}
