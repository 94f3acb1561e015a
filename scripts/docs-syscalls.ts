/** Write docs/syscalls.md from the declarations of the system calls: node scripts/docs-syscalls.ts */
import fs from 'node:fs';
import { aarch64 } from '../src/syscalls/abi/aarch64.ts';
import type { Syscall } from '../src/syscalls/define.ts';
import { SYSCALLS } from '../src/syscalls/table/index.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const row = (call: Syscall): string => {
  const args = call.argNames.map((name, i) => `${name}: ${call.argTypes[i]?.doc ?? '?'}`).join(', ');
  const number = aarch64.numbers[call.name];
  return `| ${number ?? '–'} | \`${call.name}\`(${cell(args)}) → ${cell(call.result.doc)} | ${call.support} | ${cell(call.note ?? '')} |`;
};

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

/** The page as it should be. */
export function syscallsPage(): string {
  const count = (support: string): number => SYSCALLS.filter((call) => call.support === support).length;
  const declared = new Set(SYSCALLS.map((call) => call.name));
  const missing = Object.keys(aarch64.numbers)
    .filter((name) => !declared.has(name))
    .sort();
  return `# System calls

Generated from the declarations in \`src/syscalls/table/\` by \`node scripts/docs-syscalls.ts\`; do not edit.
Numbers are AArch64's. ${SYSCALLS.length} calls are declared: ${count('full')} in full, ${count('partial')} in part (the note says what is missing), ${count('none')} only to give the right error without noise.

| number | call | support | note |
| -----: | ---- | ------- | ---- |
${[...SYSCALLS].sort(byName).map(row).join('\n')}

## Not declared

These ${missing.length} answer ENOSYS, with one line on stderr that names the call:

${missing.map((name) => `\`${name}\``).join(', ')}
`;
}

if (import.meta.main) fs.writeFileSync(new URL('../docs/syscalls.md', import.meta.url), syscallsPage());
