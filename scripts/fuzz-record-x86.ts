/**
 * Records of the instruction fuzzer for x86: one test case, as the guest program test/fixtures/fuzz/harness-x86.c reads
 * and writes it, and running a list of them natively or under an emulator.
 */
import { fileURLToPath } from 'node:url';
import { type Emulator, runPacked } from './fuzz-record.ts';

/** Same numbers as test/fixtures/fuzz/harness-x86.h. */
export const SCRATCH = 0x2000_0800;
export const SCRATCH_SIZE = 4096;
export const MAX_BYTES = 96;

const OFF = { length: 0, signal: 4, code: 8, ymm: 12, address: 16, pc: 24, bytes: 32, gpr: 128, flags: 256 } as const;
const XSAVE = 320;
const XSAVE_SIZE = 832;
const MEMORY = XSAVE + XSAVE_SIZE;

/** Offsets in the XSAVE area (Intel SDM vol. 1, 10.5.1, 13.4). */
export const FX: Readonly<Record<'cw' | 'sw' | 'tag' | 'mxcsr' | 'st' | 'xmm' | 'header' | 'ymmh', number>> = {
  cw: 0,
  sw: 2,
  tag: 4,
  mxcsr: 24,
  st: 32,
  xmm: 160,
  header: 512,
  ymmh: 576,
};

/** Bytes of one record. */
export const RECORD_SIZE_X86: number = MEMORY + SCRATCH_SIZE;

/** Everything a case starts from, or ends with. */
export interface CaseX86 {
  bytes: Uint8Array;
  /** Where each instruction starts, for printing and for making a case smaller. */
  starts: number[];
  /** By number: ax cx dx bx sp bp si di r8–r15. */
  gpr: BigUint64Array;
  eflags: number;
  /** The upper halves of ymm registers take part. */
  ymm: boolean;
  /** XSAVE area in standard form. */
  xsave: Uint8Array;
  memory: Uint8Array;
}

/** What came back. */
export interface OutcomeX86 extends CaseX86 {
  /** 0, or the signal that ended the case, with its si_code and si_addr. */
  signal: number;
  code: number;
  address: bigint;
  /** At a signal: byte offset of the instruction from the case's first byte. */
  pc: bigint;
}

/** x87 and MXCSR as FNINIT and reset leave them, all registers and memory zero; sp points into the scratch page. */
export function emptyCaseX86(...instructions: (readonly number[])[]): CaseX86 {
  const gpr = new BigUint64Array(16);
  gpr[4] = BigInt(SCRATCH + 0x800);
  const xsave = new Uint8Array(XSAVE_SIZE);
  const view = new DataView(xsave.buffer);
  view.setUint16(FX.cw, 0x37f, true);
  view.setUint32(FX.mxcsr, 0x1f80, true);
  view.setUint32(FX.header, 7, true);
  const c = { gpr, eflags: 2, ymm: false, xsave, memory: new Uint8Array(SCRATCH_SIZE) };
  return { ...c, ...joinInstructions(instructions) };
}

/** Instructions one after the other. */
export function joinInstructions(list: readonly (readonly number[])[]): { bytes: Uint8Array; starts: number[] } {
  const starts: number[] = [];
  let at = 0;
  for (const one of list) {
    starts.push(at);
    at += one.length;
  }
  return { bytes: Uint8Array.from(list.flat()), starts };
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Lay cases out one after the other, as the harness reads them. */
export function packCasesX86(cases: readonly CaseX86[]): Uint8Array {
  const bytes = new Uint8Array(cases.length * RECORD_SIZE_X86);
  const view = viewOf(bytes);
  cases.forEach((c, i) => {
    const at = i * RECORD_SIZE_X86;
    if (c.bytes.length > MAX_BYTES) throw new RangeError(`a case holds at most ${MAX_BYTES} bytes of code`);
    view.setUint32(at + OFF.length, c.bytes.length, true);
    view.setUint32(at + OFF.ymm, c.ymm ? 1 : 0, true);
    bytes.set(c.bytes, at + OFF.bytes);
    c.gpr.forEach((value, n) => {
      view.setBigUint64(at + OFF.gpr + n * 8, value, true);
    });
    view.setUint32(at + OFF.flags, c.eflags, true);
    bytes.set(c.xsave, at + XSAVE);
    bytes.set(c.memory, at + MEMORY);
  });
  return bytes;
}

/** Read the record of case `c` at `at`. */
export function readOutcomeX86(from: Uint8Array, at: number, c: CaseX86): OutcomeX86 {
  const view = viewOf(from);
  return {
    signal: view.getUint32(at + OFF.signal, true),
    code: view.getUint32(at + OFF.code, true),
    address: view.getBigUint64(at + OFF.address, true),
    pc: view.getBigUint64(at + OFF.pc, true),
    bytes: c.bytes,
    starts: c.starts,
    ymm: c.ymm,
    gpr: BigUint64Array.from({ length: 16 }, (_, n) => view.getBigUint64(at + OFF.gpr + n * 8, true)),
    eflags: view.getUint32(at + OFF.flags, true),
    xsave: from.slice(at + XSAVE, at + XSAVE + XSAVE_SIZE),
    memory: from.slice(at + MEMORY, at + MEMORY + SCRATCH_SIZE),
  };
}

/** The guest programs; on an x86-64 host with 32-bit support they are the oracle, run as they are. */
export const HARNESS_X86_64: string = fileURLToPath(
  new URL('../test/fixtures/fuzz/harness-x86-64.elf', import.meta.url),
);
/** The same with data and stack in a segment that does not begin at 0. */
export const HARNESS_SEGMENTS: string = fileURLToPath(
  new URL('../test/fixtures/fuzz/harness-x86-32-segments.elf', import.meta.url),
);
export const HARNESS_I386: string = fileURLToPath(new URL('../test/fixtures/fuzz/harness-x86-32.elf', import.meta.url));

/** Run cases and decode what came back; throws when the emulator did not answer all of them. */
export function runCasesX86(emulator: Emulator, cases: readonly CaseX86[]): OutcomeX86[] {
  const result = runPacked(emulator, packCasesX86(cases));
  if (result.status !== 0 || result.bytes.length !== cases.length * RECORD_SIZE_X86) {
    throw new Error(`${emulator[0]} ended with ${result.signal ?? result.status}: ${result.stderr}`);
  }
  return cases.map((c, i) => readOutcomeX86(result.bytes, i * RECORD_SIZE_X86, c));
}
