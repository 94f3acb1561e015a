/**
 * Records objdump's text of instructions in code of armhf and armel, for the disassembler's test:
 * node scripts/record-disassembly-arm.ts T32-FILE A32-FILE FROM TO (byte offsets of code in both). A few of each row are
 * taken; what objdump writes by an alias is left out, and what stands in an IT block, whose condition we do not know.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createArm } from '../src/cpu/frontend/arm/frontend.ts';
import { fetchWord } from '../src/cpu/frontend/form.ts';

const PER_ROW = 4;
/** Names that we do not write, and operands that objdump writes in another way or (those of vectors) we not at all. */
const ALIASES =
  /^(movs r\d+, r|negs?|vpop|vpush|(add|sub)[a-z]* r\d+, pc|ldr[a-z.]* .*\[pc|vldr.*\[pc|vmov.f\d\d .*#|ror|rrx|nop |b[lx]*\.?w? [^0r]|hlt|cdp|ldc|stc|mrc|mcr|vld|vst[1-4]|vqr|vcvt.*#|vaddl|bkpt|svc|cps|strht|\.)/;
/** Of A32 besides. */
const ALIASES_A32 =
  /^((push|pop|lsl|lsr|asr|ldrd|strd)|(ldm|stm)[a-z]*|mul|mov[a-z]* [^#]*pc|[a-z]+t |dbg|svc|swp|crc32|tsteq)/;

const frontEnd = createArm();
const [t32 = '', a32 = '', from = '', to = ''] = process.argv.slice(2);
const lines: string[] = [];
for (const [file, bit] of [
  [t32, 1],
  [a32, 0],
] as const) {
  const bytes = fs.readFileSync(file);
  const code = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mode = bit === 1 ? 'force-thumb,reg-names-std' : 'reg-names-std';
  const range = [`--start-address=${from}`, `--stop-address=${to}`];
  const listing = execFileSync(
    'arm-linux-gnueabihf-objdump',
    ['-D', '-b', 'binary', '-m', 'arm', '-M', mode, ...range, file],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  );
  const count = new Map<string, number>();
  let inIt = 0;
  for (const line of listing.split('\n')) {
    const [, hex, text] = /^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/.exec(line) ?? [];
    if (hex === undefined || text === undefined) continue;
    const plain = (text.split(/[@;]/)[0] as string).trim().replace(/\s+/g, ' ').replace(/^(\S+)\.n\b/, '$1'); // biome-ignore format: one line
    const conditional = inIt > 0;
    if (inIt > 0) inIt--;
    const block = /^it([te]*) /.exec(plain);
    if (block) inIt = (block[1] as string).length + 1;
    if (conditional || /undefined|</.test(text) || ALIASES.test(plain)) continue;
    if (bit === 0 && ALIASES_A32.test(plain)) continue;
    const at = Number.parseInt(hex, 16) + bit;
    const name = frontEnd.unimplemented(code, at);
    if (name === null || (count.get(name) ?? 0) >= PER_ROW) continue;
    count.set(name, (count.get(name) ?? 0) + 1);
    lines.push(`${at.toString(16)} ${(fetchWord(code, at) >>> 0).toString(16).padStart(8, '0')} ${plain}\n`);
  }
}
fs.writeFileSync(fileURLToPath(new URL('../test/cpu/frontend/disassembly-arm.txt', import.meta.url)), lines.join(''));
