/** The x87 as helpers see it: its stack of registers, control and status words in the CPU state (SDM vol. 1, 8.1). */
import { Exit, State } from '../../../memory/layout.ts';
import { Ext, Flag, X87Env } from '../../../softfloat/x87/ext.ts';
import type { HelperContext } from '../../helper.ts';
import { defineHelper } from '../helper-table.ts';
import { Sys, x87Offset } from '../registers.ts';

/** Bits of the status word beside {@link Flag}'s: stack fault, error summary, busy, condition codes, TOP. */
export const SF = 0x40;
export const ES = 0x80;
export const BUSY = 0x8000;
export const C0 = 0x100;
export const C1 = 0x200;
export const C2 = 0x400;
export const C3 = 0x4000;
export const CODES: number = C0 | C2 | C3;
const TOP = 0x3800;
/** Exceptions that, unmasked, keep an instruction from writing its result. */
const BEFORE = 7;

/** One at a time: valid while a helper runs. */
export class Fpu {
  view!: DataView;
  state = 0;
  sw = 0;
  skipped = false;
  readonly env: X87Env = new X87Env();
  readonly a: Ext = new Ext();
  readonly b: Ext = new Ext();
  readonly r: Ext = new Ext();

  begin(view: DataView, state: number): void {
    this.view = view;
    this.state = state;
    this.skipped = false;
    this.sw = view.getUint32(state + Sys.FSW, true) & ~C1;
    this.env.begin(view.getUint32(state + Sys.FCW, true));
  }

  private at(i: number): number {
    return this.state + x87Offset(((this.sw >>> 11) + i) & 7);
  }
  private bit(i: number): number {
    return 1 << (((this.sw >>> 11) + i) & 7);
  }
  private get tags(): number {
    return this.view.getUint32(this.state + Sys.FTW, true);
  }
  private set tags(value: number) {
    this.view.setUint32(this.state + Sys.FTW, value, true);
  }

  isEmpty(i: number): boolean {
    return (this.tags & this.bit(i)) === 0;
  }
  /** st(i) into `to`; false: it is empty, which is a stack fault. */
  read(to: Ext, i: number): boolean {
    this.peek(to, i);
    if (!this.isEmpty(i)) return true;
    this.env.flags |= Flag.IE | SF;
    to.set(0xffff, -0x4000_0000, 0);
    return false;
  }
  peek(to: Ext, i: number): Ext {
    const at = this.at(i);
    return to.set(this.view.getUint16(at + 8, true), this.view.getInt32(at + 4, true), this.view.getInt32(at, true));
  }
  write(i: number, from: Ext): void {
    const at = this.at(i);
    this.view.setInt32(at, from.lo, true);
    this.view.setInt32(at + 4, from.hi, true);
    this.view.setUint32(at + 8, from.se, true);
    this.tags |= this.bit(i);
  }
  free(i: number): void {
    this.tags &= ~this.bit(i);
  }
  /** Move TOP. */
  turn(by: number): void {
    this.sw = (this.sw & ~TOP) | ((this.sw + (by << 11)) & TOP);
  }
  /** Push; onto a register in use is a stack fault, and the indefinite is what is pushed. */
  push(from: Ext): void {
    if (!this.isEmpty(-1)) {
      // an empty source goes first: C1 tells the two apart
      if ((this.env.flags & SF) === 0) this.env.flags = Flag.IE | SF | C1;
      from.set(0xffff, -0x4000_0000, 0);
    }
    if (!this.proceeds) return;
    this.turn(-1);
    this.write(0, from);
  }
  pop(): void {
    this.free(0);
    this.turn(1);
  }
  /** Whether what was found so far lets the instruction write its result. */
  get proceeds(): boolean {
    return (this.env.flags & ~this.env.masked & BEFORE) === 0;
  }
  setCodes(codes: number): void {
    this.sw = (this.sw & ~CODES) | codes;
  }
  /** Leave the rest of the instruction, of so many bytes, undone. */
  skip(length: number): void {
    const { view, state } = this;
    view.setBigUint64(state + State.PC, view.getBigUint64(state + State.PC, true) + BigInt(length), true);
    view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
    this.skipped = true;
  }
  /** C1 as it was, where no stack fault changes it: AMD's processors leave it alone in FCMOV and FCOMI. */
  keepC1(): void {
    if ((this.env.flags & SF) === 0) this.sw |= this.view.getUint32(this.state + Sys.FSW, true) & C1;
  }
  /** Status word with the operation's flags. */
  end(): void {
    // one found before the operation that is not masked leaves none to be found behind it
    if (!this.proceeds) this.env.flags &= this.env.flags & SF ? BEFORE | SF | C1 : BEFORE;
    this.sw |= this.env.flags;
    this.summarise();
  }
  /** The error summary: an exception that is not masked is pending. */
  summarise(): void {
    const pending = (this.sw & ~this.view.getUint32(this.state + Sys.FCW, true) & 0x3f) !== 0;
    this.view.setUint32(this.state + Sys.FSW, pending ? this.sw | ES | BUSY : this.sw & ~(ES | BUSY), true);
  }
}

const fpu: Fpu = new Fpu();

/** #MF: what FWAIT and every waiting instruction does first when an unmasked exception is pending. */
export const raisePending = (c: HelperContext, state: number): number => {
  c.view.setUint32(state + State.EXIT_REASON, Exit.FLOAT, true);
  return 1;
};

/** A helper of a waiting instruction. */
export const defineX87 = (f: (m: Fpu, aux: number, c: HelperContext) => void): number =>
  defineHelper((c, state, aux) => {
    fpu.begin(c.view, state);
    if (fpu.sw & ES) return raisePending(c, state);
    f(fpu, aux, c);
    fpu.end();
    return fpu.skipped ? 1 : 0;
  });

/** FWAIT. */
export const fwait: number = defineHelper((c, state) =>
  c.view.getUint32(state + Sys.FSW, true) & ES ? raisePending(c, state) : 0,
);
