/**
 * Runs a guest program with one tier of the translator only, for scripts/fuzz.ts --emulator.
 * usage: node scripts/fuzz-emulator.ts cold|hot|auto PROGRAM [ARGUMENT…]
 */
import { runProgram } from '../src/emulator.ts';

const [tier, program, ...rest] = process.argv.slice(2);
if (!program || (tier !== 'cold' && tier !== 'hot' && tier !== 'auto')) {
  throw new Error('usage: fuzz-emulator.ts cold|hot|auto PROGRAM [ARGUMENT…]');
}
const status = await runProgram({ program, argv: [program, ...rest], env: [], tier });
if ('signal' in status) process.kill(process.pid, status.signal);
else process.exit(status.code);
