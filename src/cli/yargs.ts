import yargs from 'yargs';
import { type ParsedLine, rewriteLine, UsageError } from './parse.ts';
import { OPTIONS, type OptionName, type OptionRow } from './table.ts';

/** The help text; scripts read its QEMU_LD_PREFIX line. */
export function helpText(defaults: Readonly<Record<string, string>>): Promise<string> {
  return builder().epilogue(epilogue(defaults)).getHelp();
}

/** Parse what the quick parser would not decide: `--name=value`, and mistakes, which get a good message. */
export function parseWithYargs(args: readonly string[]): ParsedLine {
  const { options, guest } = rewriteLine(args);
  const parsed = builder()
    .help(false)
    .strictOptions()
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message.replace(/\n+/g, ': '));
    })
    .parseSync(options) as unknown as Record<string, string | boolean | string[] | undefined>;
  const values = new Map<OptionName, string[]>();
  for (const row of OPTIONS) {
    const value = parsed[row.long];
    if (value === undefined || value === false) continue;
    values.set(row.long, Array.isArray(value) ? value : [value === true ? '' : value]);
  }
  return { values, guest };
}

function builder(): ReturnType<typeof yargs> {
  let parser = yargs([])
    .scriptName('tsqemu-user')
    .usage('Usage: $0 [OPTION]... PROGRAM [ARGUMENT]...\nRun a Linux program of another architecture.')
    .parserConfiguration({
      'halt-at-non-option': true,
      'populate--': true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
    })
    .version(false)
    .help(false)
    .wrap(null);
  for (const row of OPTIONS as readonly OptionRow[]) {
    const description = row.env === null ? row.help : `${row.help} (${row.env})`;
    const flag = row.flag === null || row.flag === row.long ? [] : [`-${row.flag}`];
    const spelled = [...flag, ...(row.value === null ? [] : [row.value])].join(' ');
    const usage = spelled === '' ? description : `${spelled}: ${description}`;
    parser = parser.option(
      row.long,
      row.value === null
        ? { type: 'boolean', describe: usage }
        : row.repeat
          ? { type: 'string', array: true, nargs: 1, requiresArg: true, describe: usage }
          : { type: 'string', requiresArg: true, describe: usage },
    );
  }
  return parser;
}

function epilogue(defaults: Readonly<Record<string, string>>): string {
  const rows = Object.entries(defaults).map(([name, value]) => `${name.padEnd(15)} = ${value}`);
  return [
    'One dash does as well as two (-strace, -cpu max); lists of -E and -U are split at commas.',
    '',
    'Defaults:',
    ...rows,
  ].join('\n');
}
