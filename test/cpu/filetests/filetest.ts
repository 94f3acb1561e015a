import fs from 'node:fs';
import { decodeModule, printFunction } from '../../../src/cpu/backend/wasm/print.ts';
import { printBlock } from '../../../src/cpu/ir/print.ts';
import { registerName } from '../../../src/log.ts';
import { compile } from '../backend/compile.ts';

/**
 * A file test: guest code with comments, then what becomes of it.
 *
 *     # what this shows
 *     f9400020  ldr x0, [x1]
 *     …
 *     ==== counts
 *     ==== ir
 *     ==== wasm
 *
 * A line `# long loop` compiles the code as a loop that was seen to run long. Everything from the first `====` on is recorded by scripts/record-filetests.ts.
 */
export const DIRECTORY: URL = new URL('./', import.meta.url);

/** Names by guest: `arm/…` is A32. */
export const fileTests = (): string[] =>
  ['aarch64', 'arm'].flatMap((guest) =>
    fs.readdirSync(new URL(guest, DIRECTORY)).flatMap((name) => (name.endsWith('.txt') ? [`${guest}/${name}`] : [])),
  );

/** The part written by hand. */
export const source = (text: string): string => text.split(/^==== /m)[0] as string;

const words = (text: string): number[] =>
  [...source(text).matchAll(/^([0-9a-f]{8})\b/gm)].map(([, word]) => Number.parseInt(word as string, 16));

/** The whole file as it should be. */
export function record(name: string, text: string): string {
  const guest = name.startsWith('arm/') ? 'arm' : 'aarch64';
  const { blocks, module } = compile(words(text), /^# long loop$/m.test(text), guest);
  const decoded = decodeModule(module);
  const [region] = decoded.functions;
  if (region === undefined) throw new Error('the module has no function');
  const ops = blocks.reduce((sum, block) => sum + block.ops.length, 0);
  const checks = region.code.filter(({ name }) => /^i(32|64).ge_u$/.test(name)).length;
  const counts = [
    `${words(text).length} guest instructions, ${blocks.length} blocks`,
    `${ops} IR operations`,
    `${region.code.length} wasm instructions, ${region.locals.length} locals, ${checks} address checks`,
  ];
  const ir = blocks.map((block) => printBlock(block, { register: registerName })).join('');
  const wasm = printFunction(decoded, region);
  return `${source(text).trimEnd()}\n==== counts\n${counts.join('\n')}\n==== ir\n${ir}==== wasm\n${wasm}`;
}
