import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const BASE = 0x40_0000;
const HEADERS = 120;

/** A static AArch64 program of these instruction words: ELF header, one program header, code. */
export function tinyElf(words: readonly number[]): Buffer {
  const elf = Buffer.alloc(HEADERS + 4 * words.length);
  elf.write('\x7fELF\x02\x01\x01', 'latin1');
  elf.writeUInt16LE(2, 16); // ET_EXEC
  elf.writeUInt16LE(183, 18); // EM_AARCH64
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(BASE + HEADERS), 24); // entry
  elf.writeBigUInt64LE(64n, 32); // program headers
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64); // PT_LOAD
  elf.writeUInt32LE(5, 68); // readable, executable
  elf.writeBigUInt64LE(BigInt(BASE), 80);
  elf.writeBigUInt64LE(BigInt(BASE), 88);
  elf.writeBigUInt64LE(BigInt(elf.length), 96);
  elf.writeBigUInt64LE(BigInt(elf.length), 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  for (const [i, word] of words.entries()) elf.writeUInt32LE(word, HEADERS + 4 * i);
  return elf;
}

/** A folder for programs of one test file. */
export class Programs {
  readonly dir: string = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-tiny-'));

  file(name: string, content: Uint8Array | string, mode = 0o755): string {
    const file = path.join(this.dir, name);
    fs.writeFileSync(file, content);
    fs.chmodSync(file, mode);
    return file;
  }

  remove(): void {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
