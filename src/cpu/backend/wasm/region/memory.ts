import type { Block } from '../../../ir/block.ts';
import type { Type } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import {
  GUEST_BASE,
  PAGE_SIZE,
  READ_BYTES,
  READ_PAIRS,
  State,
  WRITE_BYTES,
  WRITE_PAIRS,
} from '../../../memory/layout.ts';
import type { Check } from './checks.ts';
import type { ExitPoint } from './contract.ts';
import type { Hoist } from './hoist.ts';
import type { Moving, MovingPointers } from './moving.ts';
import type { RegSet } from './registers.ts';
import { ValueEmitter } from './values.ts';

/** Displacements up to this go into the memory instruction; lower addresses than this are never plain. */
const MAX_OFFSET = 0x8000;

/** Addresses of a region and their checks. */
export abstract class MemoryEmitter extends ValueEmitter {
  /** Pushes the i32 an access's address is made from, after its check if it has one; returns the displacement. */
  protected address(v: Value): number {
    const c = this.code;
    const base = v.a as Value;
    const disp = v.info.kind === 'atomic' ? 0 : v.imm;
    const check = this.plan.checks.get(v);
    if (check) {
      c.i32(v.pc);
      c.set(this.pcLocal);
      this.push(base);
      this.test(base.type, check, 'PAGE', this.boundsOf(v));
      if (v.info.kind === 'atomic' && v.info.size > 1) {
        c.get(this.plainLocal);
        c.i32(v.info.size - 1);
        c.op('i32.and');
        c.unlikelyBrIf(this.exit('PAGE'));
      }
      if (this.plan.misaligned.has(v)) this.testLowBits(v.hi, disp - check.min, 'PAGE');
      c.get(this.plainLocal);
      return GUEST_BASE + disp - check.min;
    }
    this.push(base);
    if (base.type === 'i64') c.op('i32.wrap_i64');
    if (this.plan.misaligned.has(v)) {
      c.set(this.plainLocal);
      c.i32(v.pc);
      c.set(this.pcLocal);
      this.testLowBits(v.hi, disp, 'PAGE');
      c.get(this.plainLocal);
    }
    if (disp >= 0 && disp < MAX_OFFSET) return GUEST_BASE + disp;
    c.i32(disp);
    c.op('i32.add');
    return GUEST_BASE;
  }

  /** Leaves if plainLocal + `by` has bits that have to be 0. */
  private testLowBits(mask: number, by: number, kind: ExitPoint['kind']): void {
    const c = this.code;
    c.get(this.plainLocal);
    c.i32(mask);
    c.op('i32.and');
    if ((by & mask) !== 0) {
      c.i32(-by & mask);
      c.op('i32.xor');
    }
    c.unlikelyBrIf(this.exit(kind));
  }

  /** Leaves unless the bytes [min, max) from the base on the stack are plain; plainLocal ← base + min. */
  private test(type: Type, check: Check, kind: ExitPoint['kind'], bounds: readonly [number, number] | null): void {
    if (bounds) return this.testRun(type, check, bounds);
    const { min, max, write, wide } = check;
    const c = this.code;
    if (wide) {
      this.halve(min);
      if (max > min) {
        // a byte of 1 is above what is in the upper half where that is 0, one of 0 is above nothing
        c.get(this.addrLocal);
        c.i64(32);
        c.op('i64.shr_u');
        this.pageOf(0);
        c.mem('i64.load8_u', write ? WRITE_PAIRS : READ_PAIRS);
        c.op('i64.ge_u');
        this.unlessPlain(check, kind, true);
        return;
      }
      this.testUpper(kind);
    } else {
      if (type === 'i64') c.op('i32.wrap_i64');
      this.narrow(min);
    }
    if (max > min) this.testPages(check, kind);
  }

  /** Leaves if addrLocal has upper bits. */
  private testUpper(kind: ExitPoint['kind']): void {
    const c = this.code;
    c.get(this.plainLocal);
    c.op('i64.extend_i32_u');
    c.get(this.addrLocal);
    c.op('i64.ne');
    c.unlikelyBrIf(this.exit(kind));
  }

  /** Leaves unless base + min, the base being on the stack, is in a run; plainLocal ← that. */
  private testRun(type: Type, { min, write }: Check, bounds: readonly [number, number]): void {
    const c = this.code;
    const [lo, len] = bounds.map((offset) => this.locals[this.register(offset).index] as number);
    if (type === 'i32') this.narrow(min);
    else this.halve(min);
    c.get(type === 'i32' ? this.plainLocal : this.addrLocal);
    c.get(lo as number);
    c.op(`${type as 'i64'}.sub`);
    c.get(len as number);
    c.op(`${type as 'i64'}.ge_u`);
    c.unlikelyBrIf(this.exit(bounds[0] === State.STACK_LO ? 'STACK' : write ? 'WRITE_RUN' : 'READ_RUN'));
  }

  /** Leaves unless the max − min bytes from plainLocal on are plain. */
  private testPages(check: Check, kind: ExitPoint['kind']): void {
    this.unlessPair(check.write);
    this.unlessPlain(check, kind, false);
  }

  /**
   * Pushes whether the page of plainLocal and the next one are not both plain. In 64 bits: V8 would load a byte that is
   * compared in 32 bits twice, once to compare it in memory.
   */
  private unlessPair(write: boolean): void {
    const c = this.code;
    this.pageOf(0);
    c.mem('i64.load8_u', write ? WRITE_PAIRS : READ_PAIRS);
    c.i64(1);
    c.op('i64.ne');
  }

  /**
   * With a condition on the stack that says that the page and the next one are not both plain (or, `wide`, that the address
   * has upper bits): leaves, unless the bytes are looked at exactly and are plain.
   */
  private unlessPlain({ min, max, write }: Check, kind: ExitPoint['kind'], wide: boolean): void {
    const c = this.code;
    if (!this.policy.exact) {
      c.unlikelyBrIf(this.exit(kind));
      return;
    }
    const bytes = write ? WRITE_BYTES : READ_BYTES;
    c.unlikelyIf();
    this.labels.push(null);
    if (wide) this.testUpper(kind);
    this.pageOf(0);
    c.mem('i32.load8_u', bytes);
    this.pageOf(max - min - 1);
    c.mem('i32.load8_u', bytes);
    c.op('i32.and');
    c.i32(1);
    c.op('i32.xor');
    c.unlikelyBrIf(this.exit(kind));
    this.labels.pop();
    c.end();
  }

  /** addrLocal ← the i64 on the stack + min, plainLocal ← its lower half. */
  private halve(min: number): void {
    const c = this.code;
    if (min !== 0) {
      c.i64(min);
      c.op('i64.add');
    }
    c.tee(this.addrLocal);
    c.op('i32.wrap_i64');
    c.set(this.plainLocal);
  }

  /** plainLocal ← the i32 on the stack + min. */
  private narrow(min: number): void {
    if (min !== 0) {
      this.code.i32(min);
      this.code.op('i32.add');
    }
    this.code.set(this.plainLocal);
  }

  /** Pushes the number of the page `by` bytes behind plainLocal. */
  private pageOf(by: number): void {
    const c = this.code;
    c.get(this.plainLocal);
    if (by !== 0) {
      c.i32(by);
      c.op('i32.add');
    }
    c.i32(12);
    c.op('i32.shr_u');
  }

  /** The checks in front of a loop. */
  protected hoisted(header: number): void {
    const list = this.plan.hoists.get(header);
    if (!list) return;
    this.recover(header);
    this.dirty = (this.use.dirtyIn[header] as RegSet).slice();
    this.needed = this.neededAt.atEntry[header] as RegSet;
    this.code.i32((this.region.blocks[header] as Block).pc);
    this.code.set(this.pcLocal);
    for (const hoist of list) this.hoist(hoist);
  }

  private hoist(hoist: Hoist): void {
    const c = this.code;
    const { low } = hoist;
    const register = this.locals[this.register(hoist.offset).index] as number;
    if (hoist.upper) {
      c.get(register);
      this.test(hoist.type, { ...hoist, wide: hoist.type === 'i64', run: null }, 'HOISTED', null);
    }
    if (low.mask === 0) return;
    c.get(register);
    if (hoist.type === 'i64') c.op('i32.wrap_i64');
    c.set(this.plainLocal);
    this.testLowBits(low.mask, -low.rest, 'HOISTED');
  }

  /** At the top of turns of a loop with moving pointers: turnsLocal ← how many of them stay on plain pages, and one. */
  protected lookAhead(header: number, { pointers, turns }: MovingPointers): void {
    const c = this.code;
    this.recover(header);
    this.dirty = (this.use.dirtyIn[header] as RegSet).slice();
    this.needed = this.neededAt.atEntry[header] as RegSet;
    c.i32((this.region.blocks[header] as Block).pc);
    c.set(this.pcLocal);
    c.get(this.fuelLocal);
    c.i32(turns);
    c.op('i32.le_s');
    c.unlikelyBrIf(this.exit('interrupt'));
    c.get(this.fuelLocal);
    c.i32(turns);
    c.op('i32.sub');
    c.set(this.fuelLocal);
    c.i32(turns + 1);
    c.set(this.turnsLocal);
    for (const pointer of pointers) this.lookAt(pointer);
  }

  /** Fewer turns if a pointer leaves the plain pages in them; out of the region if that is in this one. */
  private lookAt({ terms, type, low, high, step, write }: Moving): void {
    const c = this.code;
    const up = step > 0;
    for (const [i, [offset, shift]] of terms.entries()) {
      c.get(this.locals[this.register(offset).index] as number);
      if (shift > 0) {
        if (type === 'i64') c.i64(shift);
        else c.i32(shift);
        c.op(`${type as 'i64'}.shl`);
      }
      if (i > 0) c.op(`${type as 'i64'}.add`);
    }
    const first = up ? low : high - PAGE_SIZE;
    if (type === 'i64') {
      this.halve(first);
      this.testUpper('MOVING');
    } else this.narrow(first);
    this.unlessPair(write);
    c.unlikelyIf();
    this.labels.push(null);
    // the turns that the bytes of the first page are enough for, and one
    const end = up ? 0 : PAGE_SIZE - 1;
    const inPage = (): void => {
      c.get(this.plainLocal);
      c.i32(end);
      c.op('i32.add');
      c.i32(PAGE_SIZE - 1);
      c.op('i32.and');
    };
    if (up) {
      c.i32(PAGE_SIZE - (high - low));
      inPage();
      c.op('i32.sub');
    } else {
      inPage();
      c.i32(1 - (high - low));
      c.op('i32.add');
    }
    c.i32(Math.abs(step));
    c.op('i32.div_s');
    c.i32(1);
    c.op('i32.add');
    c.i32(0);
    this.pageOf(end);
    c.mem('i32.load8_u', write ? WRITE_BYTES : READ_BYTES);
    c.i32(1);
    c.op('i32.eq');
    c.select();
    c.set(this.tmpLocal);
    // where the turn may end
    c.get(this.plainLocal);
    c.i32(up ? high - low + step - 1 : low + step - first);
    c.op('i32.add');
    c.set(this.plainLocal);
    c.get(this.tmpLocal);
    c.i32(2);
    c.op('i32.lt_s');
    c.unlikelyBrIf(this.exit('MOVING'));
    c.get(this.tmpLocal);
    c.get(this.turnsLocal);
    c.get(this.tmpLocal);
    c.get(this.turnsLocal);
    c.op('i32.lt_s');
    c.select();
    c.set(this.turnsLocal);
    this.labels.pop();
    c.end();
  }
}
