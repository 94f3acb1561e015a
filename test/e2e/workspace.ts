import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { random } from '../loader/mutate.ts';

const WORDS = 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau'.split(
  ' ',
);

function contents(): Record<string, string | Uint8Array> {
  const next = random(7);
  const below = (n: number): number => Math.floor(next() * n);
  const line = (): string => Array.from({ length: 3 + below(5) }, () => WORDS[below(WORDS.length)]).join(' ');
  const lines = Array.from({ length: 400 }, line);
  return {
    'text.txt': `${lines.join('\n')}\n`,
    'other.txt': `${lines
      .filter((_, i) => i % 7 !== 3)
      .map((l, i) => (i % 50 === 9 ? `${l}!` : l))
      .join('\n')}\n`,
    'numbers.txt': Array.from({ length: 300 }, () => `${below(100000) - 50000}\n`).join(''),
    'table.csv': `id,name,value\n${Array.from({ length: 50 }, (_, i) => `${i},${WORDS[i % 19]},${below(1000) / 10}\n`).join('')}`,
    'data.bin': Uint8Array.from({ length: 20_000 }, () => below(256)),
    empty: '',
    'data.json': JSON.stringify({ a: [1, 2.5, -3e10, null, true], b: { c: 'täxt "q"', d: [] }, e: '\u0000\u001f' }),
  };
}

/** A fresh directory with the files that programs work on. */
export function makeWorkspace(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-e2e-'));
  for (const [name, content] of Object.entries(contents())) {
    const file = path.join(dir, name);
    fs.writeFileSync(file, content);
    fs.utimesSync(file, 1_000_000_000, 1_000_000_000);
  }
  fs.mkdirSync(path.join(dir, 'dir'));
  fs.writeFileSync(path.join(dir, 'dir', 'inner.txt'), 'inner\n');
  fs.symlinkSync('text.txt', path.join(dir, 'link'));
  return dir;
}
