import { describe, expect, it } from 'vitest';
import { createX86 } from '../../../src/cpu/frontend/x86/frontend.ts';
import { featureNames } from '../../../src/cpu/frontend/x86/identification.ts';
import { type Encoding, parseEncoding } from '../../../src/cpu/frontend/x86/row.ts';
import { rows } from '../../../src/cpu/frontend/x86/table.ts';
import { printBlock } from '../../../src/cpu/ir/print.ts';
import type { Type } from '../../../src/cpu/ir/types.ts';
import { verifyBlock } from '../../../src/cpu/ir/verify.ts';
import { CPU_MODELS } from '../../../src/cpu-models.ts';
import { random } from '../../loader/mutate.ts';

const PC = 0x1000_0000;
const PER_ROW = 12;

/** A DataView in which guest code lies at PC. */
const codeAt = (bytes: Uint8Array): DataView => {
  const view = new DataView(bytes.buffer);
  const from = (name: 'getUint8' | 'getInt8' | 'getInt16' | 'getUint16' | 'getInt32') => (pc: number) =>
    view[name](pc - PC, true);
  return Object.fromEntries(
    (['getUint8', 'getInt8', 'getInt16', 'getUint16', 'getInt32'] as const).map((name) => [name, from(name)]),
  ) as unknown as DataView;
};

/** A random instruction of an encoding: all bytes behind the opcode are noise but for what is fixed. */
const instruction = (e: Encoding, next: () => number, is64: boolean): Uint8Array => {
  const byte = (): number => Math.floor(next() * 256);
  const bytes: number[] = [];
  if (e.vexL !== -2) {
    const pp = [0, 0x66, 0xf3, 0xf2].indexOf(e.prefix);
    const w = e.w < 0 ? byte() & 1 : e.w;
    bytes.push(0xc4, (is64 ? byte() & 0xe0 : 0xe0) | e.map, (w << 7) | (byte() & 0x78) | ((e.vexL & 1) << 2) | pp);
  } else {
    const rex = is64 ? byte() & 15 : 0;
    if (e.prefix > 0) bytes.push(e.prefix);
    else if (e.prefix < 0 && byte() < 64) bytes.push(0x66);
    const w = e.w < 0 ? rex & 8 : e.w * 8;
    if (is64 && (w !== 0 || byte() < 128)) bytes.push(0x40 | w | (rex & 7));
    if (e.map > 0) bytes.push(0x0f);
    if (e.map > 1) bytes.push(e.map === 2 ? 0x38 : 0x3a);
  }
  bytes.push(e.opcode + (e.plus ? byte() & 7 : 0));
  if (e.modrm) {
    let modrm = (byte() & ~e.mask) | e.value;
    if (e.mod === 1) modrm %= 0xc0;
    else if (e.mod === 2) modrm |= 0xc0;
    bytes.push(modrm);
  }
  while (bytes.length < 32) bytes.push(byte());
  return Uint8Array.from(bytes);
};

describe.each([64, 32] as const)('the x86 table in %s-bit mode', (mode) => {
  const frontEnd = createX86(mode);

  it('finds each row by its encoding, and lifts it to well-formed IR', () => {
    const next = random(23);
    const problems: string[] = [];
    const found = new Set<string>();
    const registers = new Map<number, Type>();
    for (const row of frontEnd.decoder.rows) {
      const encoding = parseEncoding(row.text);
      for (let n = 0; n < PER_ROW; n++) {
        const code = codeAt(instruction(encoding, next, mode === 64));
        const entry = frontEnd.decoder.decode(code, PC);
        if (entry?.row === row) found.add(row.text);
        for (const flags of [-1, 0, 7]) {
          const block = frontEnd.liftBlock(code, PC, flags, PC + frontEnd.decoder.length);
          for (const p of verifyBlock(block, registers)) problems.push(`${row.text} ${row.syntax}: ${p}`);
          expect(printBlock(block)).not.toMatch(/undefined|%\?/);
        }
      }
    }
    expect(problems).toEqual([]);
    expect(frontEnd.decoder.rows.filter((row) => !found.has(row.text)).map((row) => row.text)).toEqual([]);
  });
});

/** SDM vol. 1, 14.9: SSE wants 16 bytes aligned but for these (SHA's on Intel's processors too); of AVX moves alone, whose names tell. */
const UNALIGNED = /^(movup[sd]|movdqu|lddqu|pcmp[ei]str[im]|sha\d\w+) /;
const ALIGNED = /^v?mov(ap[sd]|dqa|nt(p[sd]|dqa?)) /;

it('has whole vectors in memory aligned where a processor wants that', () => {
  const frontEnd = createX86(64);
  const next = random(29);
  const wrong: string[] = [];
  let asked = 0;
  for (const row of frontEnd.decoder.rows) {
    if (!/[xy]mm\/m(128|256)/.test(row.syntax) || !/mm/.test(row.syntax)) continue;
    const encoding = { ...parseEncoding(row.text), mod: 1 as const };
    const isAsked = encoding.vexL === -2 ? !UNALIGNED.test(row.syntax) : ALIGNED.test(row.syntax);
    const mask = isAsked ? (row.syntax.includes('m256') ? 31 : 15) : 0;
    const code = codeAt(instruction(encoding, next, true));
    for (const exact of [false, true]) {
      frontEnd.exact = exact;
      const { ops } = frontEnd.liftBlock(code, PC, -1, PC + 15);
      const access = ops.find((v) => v.info.name === 'v128.load' || v.info.name === 'v128.store');
      if (!access) continue;
      asked++;
      if (access.hi !== mask) wrong.push(`${row.syntax}: ${access.hi}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(asked).toBeGreaterThan(900);
});

it('has no two rows of one encoding', () => {
  const seen = new Map<string, string>();
  const twice: string[] = [];
  for (const row of rows) {
    for (const mode of row.mode === 0 ? [32, 64] : [row.mode]) {
      const key = `${mode} ${row.text}`;
      if (seen.has(key)) twice.push(key);
      seen.set(key, row.syntax);
    }
  }
  expect(twice).toEqual([]);
});

describe('processors that -cpu names', () => {
  const names = (model: string): readonly string[] => {
    const { name, lacks } = CPU_MODELS.x86.find((m) => m.name === model) ?? CPU_MODELS.x86[0];
    return createX86(64, { name, lacks }).decoder.rows.map((row) => row.syntax.split(' ')[0] as string);
  };
  it.each([
    ['max', ['movaps', 'popcnt', 'pshufb', 'vpaddb', 'andn', 'aesenc', 'rdrand'], []],
    [
      'x86-64-v3',
      ['movaps', 'popcnt', 'pshufb', 'vpaddb', 'andn', 'vfmadd132ps'],
      ['aesenc', 'vaesenc', 'rdrand', 'adcx'],
    ],
    ['x86-64-v2', ['movaps', 'popcnt', 'pshufb', 'crc32', 'roundsd'], ['vpaddb', 'andn', 'movbe', 'lzcnt', 'aesenc']],
    ['qemu64', ['movaps', 'haddps', 'fisttp', 'cmpxchg16b'], ['popcnt', 'pshufb', 'crc32', 'vpaddb', 'andn', 'aesenc']],
    ['qemu32', ['movaps', 'movddup'], ['popcnt', 'pshufb', 'vpaddb', 'rdtscp']],
    [
      'x86-64-v1',
      ['movaps', 'pextrw', 'bsr', 'verr'],
      ['popcnt', 'pshufb', 'crc32', 'vpaddb', 'andn', 'aesenc', 'haddps'],
    ],
  ] as const)('%s', (model, has, hasNot) => {
    const known = names('max');
    const own = names(model);
    for (const name of has) if (known.includes(name)) expect(own, name).toContain(name);
    for (const name of hasNot) {
      expect(known, name).toContain(name);
      expect(own, name).not.toContain(name);
    }
  });

  it.each([
    ['qemu64', true],
    ['qemu32', false],
  ])("%s tells of SSE3, as QEMU's does", (model, isLong) => {
    const features = featureNames(model);
    expect(features).toContain('pni');
    expect(features).not.toContain('ssse3');
    for (const name of ['lm', 'syscall', 'cx16', 'lahf_lm']) expect(features.includes(name), name).toBe(isLong);
  });
});
