/** Write docs/instructions.md, docs/instructions-arm.md and docs/instructions-x86.md from the instruction tables: node scripts/docs-instructions.ts */
import fs from 'node:fs';
import { chapters, rows } from '../src/cpu/frontend/aarch64/table.ts';
import { chapters as armChapters } from '../src/cpu/frontend/arm/table.ts';
import { chapters as x86Chapters, rows as x86Rows } from '../src/cpu/frontend/x86/table.ts';

interface Listed {
  readonly syntax: string;
  readonly text: string;
  readonly lift: unknown;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

const section = (title: string, own: readonly Listed[]): string => `## ${title}

| instruction | encoding | |
| ----------- | -------- | --- |
${own.map((row) => `| \`${cell(row.syntax)}\` | \`${row.text}\` | ${row.lift ? '' : 'not implemented'} |`).join('\n')}
`;

const count = (all: readonly Listed[]): string => {
  const missing = all.filter((row) => row.lift === null).length;
  return `${all.length} rows, ${missing === 0 ? 'all' : `${all.length - missing} of them`} implemented`;
};

/** The page as it should be. */
export function instructionsPage(): string {
  return `# AArch64 instructions

Generated from the table in \`src/cpu/frontend/aarch64/insn/\` by \`node scripts/docs-instructions.ts\`; do not edit.
${count(rows)}. The processor is an Armv8.2-A one at EL0, without AArch32: floating point, Advanced SIMD, half precision, AES, PMULL, SHA-1, SHA-256, CRC-32, LSE atomics, RDM, dot product, LRCPC. Chapters are those of the Arm Architecture Reference Manual (DDI 0487) that describe the instructions; the notation of encodings is explained in \`src/cpu/frontend/pattern.ts\`.

${chapters.map((c) => section(`${c.title} (${c.manual})`, c.rows)).join('\n')}`;
}

/** The same of AArch32. */
export function armInstructionsPage(): string {
  const rowsOf = (set: 'a32' | 'a32x' | 't32'): readonly Listed[] => armChapters.flatMap((c) => c[set] ?? []);
  const [a32, a32x, t32] = [rowsOf('a32'), rowsOf('a32x'), rowsOf('t32')];
  return `# 32-bit ARM instructions

Generated from the tables in \`src/cpu/frontend/arm/insn/\` by \`node scripts/docs-instructions.ts\`; do not edit.
A32: ${count([...a32, ...a32x])}. T32: ${count(t32)}. Armv7-A in user mode with VFPv4 and Advanced SIMD, and of Armv8: load-acquire and store-release, VSEL, VRINT, VCVT with a rounding mode, VMAXNM, half precision in vectors, CRC-32, AES, SHA-1, SHA-256, 64-bit polynomial products. Chapters are those of the Arm Architecture Reference Manual (DDI 0487); T32 instructions of 16 bits stand in the upper half of a word.

${armChapters
  .flatMap((c) => [
    section(`${c.title}: A32 (${c.manual})`, [...(c.a32 ?? []), ...(c.a32x ?? [])]),
    section(`${c.title}: T32 (${c.manual})`, c.t32 ?? []),
  ])
  .join('\n')}`;
}

/** The same of x86. */
export function x86InstructionsPage(): string {
  const modes = (mode: 0 | 32 | 64): string => (mode === 0 ? '' : ` (${mode}-bit mode)`);
  const named = (list: readonly (typeof x86Rows)[number][]): Listed[] =>
    list.map((row) => ({ ...row, syntax: row.syntax + modes(row.mode) }));
  return `# x86 instructions

Generated from the table in \`src/cpu/frontend/x86/insn/\` by \`node scripts/docs-instructions.ts\`; do not edit.
${count(x86Rows)}, for 64-bit and 32-bit mode in user mode. The notation of encodings is that of Intel's manual (SDM volume 2, 3.1.1.1); \`src/cpu/frontend/x86/row.ts\` has what is added. An operand \`r\`, \`r/m\` or \`imm\` without a number has 2, 4 or 8 bytes by the operand size.

${x86Chapters.map((c) => section(c.title, named(c.rows))).join('\n')}`;
}

if (import.meta.main) {
  fs.writeFileSync(new URL('../docs/instructions.md', import.meta.url), instructionsPage());
  fs.writeFileSync(new URL('../docs/instructions-arm.md', import.meta.url), armInstructionsPage());
  fs.writeFileSync(new URL('../docs/instructions-x86.md', import.meta.url), x86InstructionsPage());
}
