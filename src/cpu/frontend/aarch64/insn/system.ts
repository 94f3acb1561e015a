import { Exit, State } from '../../../memory/layout.ts';
import type { Row } from '../../row.ts';
import { defineHelper, writeX } from '../helpers.ts';
import { sys } from '../identification.ts';
import { Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { insn } from './row.ts';

const NZCV = sys(3, 3, 4, 2, 0);
const FPCR = sys(3, 3, 4, 4, 0);
const FPSR = sys(3, 3, 4, 4, 1);
const TPIDR_EL0 = sys(3, 3, 13, 0, 2);
const TPIDRRO_EL0 = sys(3, 3, 13, 0, 3);
const CNTVCT_EL0 = sys(3, 3, 14, 0, 2);
const CNTVCTSS_EL0 = sys(3, 3, 14, 0, 6);

/** Ticks per second of the virtual counter. */
const COUNTER_HZ = 62_500_000;

/**
 * Registers with a fixed value. DCZID: DC ZVA clears 64 bytes. CTR: 64-byte lines, IDC = DIC = 0, so
 * that guests do their cache maintenance. ID registers as Linux emulates them for EL0 (Documentation/
 * arch/arm64/cpu-feature-registers.rst), matching HWCAP; those of the model at hand come first (identification.ts).
 */
const constants: ReadonlyMap<number, bigint> = new Map([
  [sys(3, 3, 0, 0, 1), 0x8444c004n], // CTR_EL0
  [sys(3, 3, 0, 0, 7), 4n], // DCZID_EL0
  [sys(3, 3, 14, 0, 0), BigInt(COUNTER_HZ)], // CNTFRQ_EL0
  [TPIDRRO_EL0, 0n],
  [sys(3, 0, 0, 0, 5), 0x80000000n], // MPIDR_EL1
  [sys(3, 0, 0, 0, 6), 0n], // REVIDR_EL1
  [sys(3, 0, 0, 4, 1), 0n],
  [sys(3, 0, 0, 5, 0), 0x6n], // ID_AA64DFR0_EL1
  [sys(3, 0, 0, 5, 1), 0n],
  [sys(3, 0, 0, 6, 2), 0n],
  [sys(3, 0, 0, 7, 0), 0n],
  [sys(3, 0, 0, 7, 1), 0n],
  [sys(3, 0, 0, 7, 2), 0n],
]);

/** The virtual counter from the host's monotonic clock. aux: rt */
const counterHelper: number = defineHelper((c, state, aux) => {
  writeX(c, state, aux, (process.hrtime.bigint() * BigInt(COUNTER_HZ)) / 1_000_000_000n);
  return 0;
});

/** FPCR (aux 0) or FPSR (aux 1) was written: control bits or cleared flags ask for exact floating point. */
const fpcrWritten: number = defineHelper((c, state, aux) => {
  if (aux === 0 && c.view.getUint32(state + Sys.FPCR, true) === 0) return 0;
  if (!c.fpModeChanged(state)) return 0;
  // this very block is stale: leave and go on behind the instruction
  c.view.setBigUint64(state + State.PC, c.view.getBigUint64(state + State.PC, true) + 4n, true);
  c.view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
});

const mrs = (t: Translator, reg: number, rt: number): void => {
  const fixed = t.identification.get(reg) ?? constants.get(reg);
  if (fixed !== undefined) return t.setX(rt, t.b.const64(fixed));
  switch (reg) {
    case NZCV:
      return t.setX(rt, t.b.i64.extend_i32_u(t.b.i32.shl(t.nzcv(), t.b.const32(28))));
    case FPCR:
      return t.setX(rt, t.b.get('i64', Sys.FPCR));
    case FPSR:
      return t.setX(rt, t.b.get('i64', Sys.FPSR));
    case TPIDR_EL0:
      return t.setX(rt, t.b.get('i64', Sys.TPIDR_EL0));
    case CNTVCT_EL0:
    case CNTVCTSS_EL0:
      return t.helper(counterHelper, rt);
  }
  // the rest of the space op0 = 3, op1 = 0, CRn = 0 reads as zero under Linux's emulation
  if (reg >> 7 === sys(3, 0, 0, 0, 0) >> 7) return t.setX(rt, t.b.const64(0));
  t.undefined();
};

/** FPCR bits that exist without FEAT_AFP/EBF16: AHP DN FZ RMode FZ16 (trap enables read as zero). */
const FPCR_MASK = 0x07c80000;
/** QC and the cumulative exception bits. */
const FPSR_MASK = 0x0800009f;

const msr = (t: Translator, reg: number, rt: number): void => {
  const { i64, i32 } = t.b;
  switch (reg) {
    case NZCV:
      t.restoresFlags = true;
      return t.setNzcv(i32.and(i32.wrap_i64(i64.shr_u(t.x(rt), t.b.const64(28))), t.b.const32(15)));
    case FPCR:
      t.b.set(Sys.FPCR, i64.and(t.x(rt), t.b.const64(FPCR_MASK)));
      return t.helper(fpcrWritten);
    case FPSR:
      t.b.set(Sys.FPSR, i64.and(t.x(rt), t.b.const64(FPSR_MASK)));
      return t.helper(fpcrWritten, 1);
    case TPIDR_EL0:
      return t.b.set(Sys.TPIDR_EL0, t.x(rt));
  }
  t.undefined();
};

/** DC ZVA: clear the 64-byte block of the address. */
const dcZva = (t: Translator, rt: number): void => {
  const addr = t.b.i64.and(t.x(rt), t.b.const64(-64));
  for (let i = 0; i < 64; i += 16) t.store('v128.store', addr, t.zero(), i);
};

const icIvau: number = defineHelper((c, state, aux) => {
  const addr = aux === 31 ? 0n : c.view.getBigUint64(state + State.REGS + 8 * aux, true);
  if (!c.invalidateCode(Number(addr & 0xffffffc0n), 64)) return 0;
  // this very block may be stale: leave and go on behind the instruction
  const pc = c.view.getBigUint64(state + State.PC, true);
  c.view.setBigUint64(state + State.PC, pc + 4n, true);
  c.view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
});

const IC_IVAU = sys(1, 3, 7, 5, 1);
const DC_ZVA = sys(1, 3, 7, 4, 1);
/** DC CVAC, CVAP, CVADP, CVAU, CIVAC: memory is coherent here, so cleaning does nothing. */
const cleans: ReadonlySet<number> = new Set([10, 12, 13, 11, 14].map((crm) => sys(1, 3, 7, crm, 1)));

const systemInstruction = (t: Translator, op: number, rt: number): void => {
  if (op === DC_ZVA) return dcZva(t, rt);
  if (op === IC_IVAU) {
    return t.helper(icIvau, rt);
  }
  if (!cleans.has(op)) t.undefined();
};

/** C4.1.93: system instructions. Hints include PAC and BTI ones, which are NOPs without the feature. */
// biome-ignore format: one instruction per line
export const system: readonly Row<Translator>[] = [
  insn('hint #<imm7>', '1101010100 0 00 011 0010 imm7:7 11111', () => {}),
  insn('clrex', '1101010100 0 00 011 0011 crm:4 010 11111', (t) => t.b.set(State.EXCL_ADDR, t.b.const64(-1))),
  insn('dsb <barrier>', '1101010100 0 00 011 0011 crm:4 100 11111', (t) => { t.b.emit('atomic.fence'); }),
  insn('dmb <barrier>', '1101010100 0 00 011 0011 crm:4 101 11111', (t) => { t.b.emit('atomic.fence'); }),
  insn('isb', '1101010100 0 00 011 0011 crm:4 110 11111', (t) => t.end({ kind: 'jump', target: t.pc + 4 })),
  insn('sys #<op1>, <Cn>, <Cm>, #<op2>, <Xt>', '1101010100 0 01 op1:3 crn:4 crm:4 op2:3 rt:5', (t, f) => systemInstruction(t, sys(1, f.op1, f.crn, f.crm, f.op2), f.rt)),
  insn('msr <sysreg>, <Xt>', '1101010100 0 1 o0:1 op1:3 crn:4 crm:4 op2:3 rt:5', (t, f) => msr(t, sys(2 + f.o0, f.op1, f.crn, f.crm, f.op2), f.rt)),
  insn('mrs <Xt>, <sysreg>', '1101010100 1 1 o0:1 op1:3 crn:4 crm:4 op2:3 rt:5', (t, f) => mrs(t, sys(2 + f.o0, f.op1, f.crn, f.crm, f.op2), f.rt)),
];
