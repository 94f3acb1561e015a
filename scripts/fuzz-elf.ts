/** Load damaged ELF files: node scripts/fuzz-elf.ts [COUNT [FILE]]. Fails on an untyped error or one second. */
import fs from 'node:fs';
import { attack } from '../test/loader/attack.ts';
import { FIXTURES } from '../test/loader/files.ts';

const count = Number(process.argv[2] ?? 20_000);
const file = process.argv[3] ?? `${FIXTURES}no-interp`;
const seeds = Array.from({ length: count }, (_, i) => i);
const { loaded, refused, slowest, failures } = attack(fs.readFileSync(file), seeds);
const rss = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(
  `${count} mutants of ${file}: ${loaded} loaded, ${refused} refused, slowest ${slowest.toFixed(0)} ms, ${rss} MB`,
);
for (const { seed, error } of failures.slice(0, 10)) console.error(`seed ${seed}:`, error);
if (failures.length > 0 || slowest >= 1000) process.exitCode = 1;
