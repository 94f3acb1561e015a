import fs from 'node:fs';
import { endLike, signalMessage } from './cli/end.ts';
import { launch } from './cli/launch.ts';
import { DEFAULTS, type EmulatorOptions, emulatorOptions, toBytes } from './cli/options.ts';
import { environmentValues, type ParsedLine, parseLine, UsageError } from './cli/parse.ts';
import { LOG_ITEMS } from './cli/table.ts';
import { CPU_NAMES } from './cpu-models.ts';
import { LoadError } from './loader/load-error.ts';
import { learned } from './translation-cache.ts';
import { VERSION } from './version.ts';

const say = (line: string): void => {
  try {
    fs.writeSync(2, `tsqemu-user: ${line}\n`);
  } catch {
    // Nobody listens: stderr is closed, and the exit status says the rest.
  }
};

const print = (text: string): void => {
  fs.writeSync(1, text);
};

export { learned };

/** Run the command line; ends the process. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  try {
    const options = await commandLine(args);
    if (options === null) return;
    const result = await launch(options);
    const message = 'signal' in result && !result.told ? signalMessage(result.signal) : null;
    if (message !== null) say(message);
    await endLike(result);
  } catch (error) {
    if (error instanceof LoadError || error instanceof UsageError) {
      say(error.message);
      process.exit(error instanceof LoadError ? error.status : 1);
    }
    say(`internal error: ${error instanceof Error ? error.stack : String(error)}`);
    process.exit(125);
  }
}

/** What to run, or null when the line only asked for a text. */
async function commandLine(args: readonly string[]): Promise<EmulatorOptions | null> {
  let line: ParsedLine | null = parseLine(args);
  if (line === null) {
    const { helpText, parseWithYargs } = await import('./cli/yargs.ts');
    line = parseWithYargs(args);
    if (line.values.has('help')) {
      print(`${await helpText(DEFAULTS)}\n`);
      return null;
    }
  }
  if (line.values.has('version')) {
    print(`tsqemu-user version ${VERSION}\n`);
    return null;
  }
  if (line.values.get('log')?.at(-1) === 'help') {
    print(Object.entries(LOG_ITEMS).reduce((text, [item, help]) => `${text}${item.padEnd(10)} ${help}\n`, ''));
    return null;
  }
  if (line.values.get('cpu')?.at(-1) === 'help') {
    print(`${CPU_NAMES.join('\n')}\n`);
    return null;
  }
  return emulatorOptions(line, environmentValues(process.env), hostEnvironment());
}

function hostEnvironment(): string[] {
  return Object.entries(process.env).map(([name, value]) => toBytes(`${name}=${value}`));
}
