import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { loadProgram } from '../../src/loader/load.ts';
import { LoadError } from '../../src/loader/load-error.ts';
import { bytesFile, LOAD } from './files.ts';
import { mutate } from './mutate.ts';

/** What loading mutants came to. */
export interface AttackResult {
  loaded: number;
  refused: number;
  /** Milliseconds of processor time of the slowest mutant: a loaded machine must not fail the test. */
  slowest: number;
  /** Mutants that ended in anything but a LoadError of one line. */
  failures: { seed: number; error: unknown }[];
}

/** Memories of processes that touched about as much are not used again (see Processors): to clear them is not the loader's time. */
const MOST_TOUCHED = 256 << 20;

/** Load mutants with the given seeds, look symbols up, and count how they ended. */
export function attack(original: Uint8Array, seeds: Iterable<number>): AttackResult {
  let space = createAddressSpace();
  const result: AttackResult = { loaded: 0, refused: 0, slowest: 0, failures: [] };
  for (const seed of seeds) {
    const file = bytesFile(mutate(original, seed));
    const start = process.threadCpuUsage();
    try {
      const open = (path: string) => (path === '/mutant' ? file : bytesFile(original));
      const { taskSize } = space;
      const program = loadProgram(space, { path: '/mutant', argv: ['/mutant'], open, taskSize, ...LOAD });
      program.symbol(program.entry);
      result.loaded++;
    } catch (error) {
      if (error instanceof LoadError && !error.message.includes('\n')) result.refused++;
      else result.failures.push({ seed, error });
    }
    space.release();
    if (space.touched > MOST_TOUCHED) space = createAddressSpace();
    const { user, system } = process.threadCpuUsage(start);
    result.slowest = Math.max(result.slowest, (user + system) / 1000);
  }
  return result;
}
