/** Write docs/instructions.md from the instruction table: node scripts/docs-instructions.ts */
import fs from 'node:fs';
import type { Chapter } from '../src/cpu/frontend/aarch64/insn/row.ts';
import { chapters, rows } from '../src/cpu/frontend/aarch64/table.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

const section = ({ title, manual, rows: own }: Chapter): string => `## ${title} (${manual})

| instruction | encoding | |
| ----------- | -------- | --- |
${own.map((row) => `| \`${cell(row.syntax)}\` | \`${row.text}\` | ${row.lift ? '' : 'not implemented'} |`).join('\n')}
`;

/** The page as it should be. */
export function instructionsPage(): string {
  const missing = rows.filter((row) => row.lift === null).length;
  return `# AArch64 instructions

Generated from the table in \`src/cpu/frontend/aarch64/insn/\` by \`node scripts/docs-instructions.ts\`; do not edit.
${rows.length} rows, ${missing === 0 ? 'all' : `${rows.length - missing} of them`} implemented. The processor is an Armv8.2-A one at EL0, without AArch32: floating point, Advanced SIMD, half precision, AES, PMULL, SHA-1, SHA-256, CRC-32, LSE atomics, RDM, dot product, LRCPC. Chapters are those of the Arm Architecture Reference Manual (DDI 0487) that describe the instructions; the notation of encodings is explained in \`src/cpu/frontend/pattern.ts\`.

${chapters.map(section).join('\n')}`;
}

if (import.meta.main) fs.writeFileSync(new URL('../docs/instructions.md', import.meta.url), instructionsPage());
