/**
 * Records of the instruction fuzzer: one test case, as the guest program test/fixtures/fuzz/harness.c reads and
 * writes it, and running a list of them under an emulator.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Same numbers as test/fixtures/fuzz/harness.h. */
export const SCRATCH = 0x2000_0000;
export const SCRATCH_SIZE = 4096;
export const CODE_BASE = 0x0200_0000;
export const MAX_WORDS = 16;
export const BATCH = 64;

const OFF = {
  count: 0,
  signal: 4,
  code: 8,
  thumb: 12,
  address: 16,
  pc: 24,
  words: 32,
  x: 104,
} as const;
const AFTER_X = {
  sp: 352,
  nzcv: 360,
  fpcr: 368,
  fpsr: 376,
  v: 384,
  memory: 896,
} as const;

/** Bytes of one record. */
export const RECORD_SIZE: number = AFTER_X.memory + SCRATCH_SIZE;

/** Everything a case starts from, or ends with. */
export interface Case {
  words: number[];
  /** 32-bit ARM: the words are T32 (16-bit instructions in the upper half). */
  thumb?: boolean;
  x: BigUint64Array;
  sp: bigint;
  /** Flags in bits 31–28. */
  nzcv: bigint;
  fpcr: bigint;
  fpsr: bigint;
  /** v0–v31, two words each, low half first. */
  v: BigUint64Array;
  memory: Uint8Array;
}

/** What the guest wrote back. */
export interface Outcome extends Case {
  /** 0, or the signal that ended the case, with its si_code and si_addr. */
  signal: number;
  code: number;
  address: bigint;
  /** At a signal: byte offset of the faulting instruction from the case's first word. */
  pc: bigint;
}

/** A case whose registers and memory are all zero; sp points into the scratch page. */
export function emptyCase(words: number[]): Case {
  return {
    words,
    x: new BigUint64Array(31),
    sp: BigInt(SCRATCH + 0x800),
    nzcv: 0n,
    fpcr: 0n,
    fpsr: 0n,
    v: new BigUint64Array(64),
    memory: new Uint8Array(SCRATCH_SIZE),
  };
}

/** Lay a case out as struct record at `at`. */
export function writeCase(into: DataView, at: number, c: Case): void {
  if (c.words.length > MAX_WORDS) throw new RangeError(`a case holds at most ${MAX_WORDS} instructions`);
  into.setUint32(at + OFF.count, c.words.length, true);
  into.setUint32(at + OFF.thumb, c.thumb ? 1 : 0, true);
  c.words.forEach((word, i) => {
    into.setUint32(at + OFF.words + i * 4, word, true);
  });
  c.x.forEach((value, i) => {
    into.setBigUint64(at + OFF.x + i * 8, value, true);
  });
  into.setBigUint64(at + AFTER_X.sp, c.sp, true);
  into.setBigUint64(at + AFTER_X.nzcv, c.nzcv, true);
  into.setBigUint64(at + AFTER_X.fpcr, c.fpcr, true);
  into.setBigUint64(at + AFTER_X.fpsr, c.fpsr, true);
  c.v.forEach((value, i) => {
    into.setBigUint64(at + AFTER_X.v + i * 8, value, true);
  });
  new Uint8Array(into.buffer, into.byteOffset + at + AFTER_X.memory, SCRATCH_SIZE).set(c.memory);
}

/** Read struct record at `at`. */
export function readOutcome(from: DataView, at: number): Outcome {
  const count = from.getUint32(at + OFF.count, true);
  const u64s = (offset: number, n: number): BigUint64Array =>
    BigUint64Array.from({ length: n }, (_, i) => from.getBigUint64(at + offset + i * 8, true));
  return {
    signal: from.getUint32(at + OFF.signal, true),
    code: from.getUint32(at + OFF.code, true),
    address: from.getBigUint64(at + OFF.address, true),
    pc: from.getBigUint64(at + OFF.pc, true),
    thumb: from.getUint32(at + OFF.thumb, true) !== 0,
    words: Array.from({ length: count }, (_, i) => from.getUint32(at + OFF.words + i * 4, true)),
    x: u64s(OFF.x, 31),
    sp: from.getBigUint64(at + AFTER_X.sp, true),
    nzcv: from.getBigUint64(at + AFTER_X.nzcv, true),
    fpcr: from.getBigUint64(at + AFTER_X.fpcr, true),
    fpsr: from.getBigUint64(at + AFTER_X.fpsr, true),
    v: u64s(AFTER_X.v, 64),
    memory: new Uint8Array(from.buffer, from.byteOffset + at + AFTER_X.memory, SCRATCH_SIZE).slice(),
  };
}

/** Lay cases out one after the other, as the harness reads them. */
export function packCases(cases: readonly Case[]): Uint8Array {
  const bytes = new Uint8Array(cases.length * RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  cases.forEach((c, i) => {
    writeCase(view, i * RECORD_SIZE, c);
  });
  return bytes;
}

/** The guest program. */
export const HARNESS: string = fileURLToPath(new URL('../test/fixtures/fuzz/harness.elf', import.meta.url));

/** The same for 32-bit ARM. */
export const HARNESS_ARM: string = fileURLToPath(new URL('../test/fixtures/fuzz/harness-arm.elf', import.meta.url));

/** A command line that runs the harness: the emulator and its arguments. */
export type Emulator = readonly [command: string, ...args: string[]];

/** qemu-user as an Armv8.2-A processor: half precision, RDM, dot product, CRC, cryptography; no SVE, MTE or pointer authentication. */
export const QEMU: Emulator = ['qemu-aarch64', '-cpu', 'neoverse-n1', HARNESS];

/** The same of AArch32, with everything it has. */
export const QEMU_ARM: Emulator = ['qemu-arm', '-cpu', 'max', HARNESS_ARM];

/** What came out of one run: complete records, and how the emulator ended. */
export interface RunResult {
  bytes: Uint8Array;
  status: number | null;
  signal: string | null;
  stderr: string;
}

/**
 * Feed packed cases to the harness under an emulator, by way of a file (an emulator that dies early would break a pipe);
 * `oneByOne` loses nothing when it crashes.
 */
export function runPacked(emulator: Emulator, packed: Uint8Array, oneByOne = false, timeout = 90_000): RunResult {
  const [command, ...args] = emulator;
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const input = join(directory, 'cases');
  try {
    writeFileSync(input, packed);
    const fd = openSync(input, 'r');
    const done = spawnSync(command, oneByOne ? [...args, '1'] : args, {
      stdio: [fd, 'pipe', 'pipe'],
      maxBuffer: packed.length + (1 << 20),
      timeout,
    });
    closeSync(fd);
    if (done.error && (done.error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw done.error;
    return { bytes: done.stdout, status: done.status, signal: done.signal, stderr: String(done.stderr) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Run cases and decode what came back; throws when the emulator did not answer all of them. */
export function runCases(emulator: Emulator, cases: readonly Case[]): Outcome[] {
  const result = runPacked(emulator, packCases(cases));
  if (result.status !== 0 || result.bytes.length !== cases.length * RECORD_SIZE) {
    throw new Error(`${emulator[0]} ended with ${result.signal ?? result.status}: ${result.stderr}`);
  }
  const view = new DataView(result.bytes.buffer, result.bytes.byteOffset, result.bytes.length);
  return cases.map((_, i) => readOutcome(view, i * RECORD_SIZE));
}
