import { type Case, GROUPS } from './cases.ts';
import { geometricMean, median, type Sample } from './measure.ts';

export type Metric = 'cpu' | 'wall';
export type Runner = 'native' | 'qemu' | 'ours' | 'node';

/** All runs of one case. */
export interface Result {
  readonly case: Case;
  readonly samples: Readonly<Record<Runner, Sample[]>>;
}

const middle = (samples: readonly Sample[], metric: Metric): number => median(samples.map((s) => s[metric]));
const fixed = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** Why a case's outputs cannot be trusted, or '' if all runs ended well and agree. */
export function complaint({ case: { sameOutput }, samples }: Result): string {
  const { native, qemu, ours } = samples;
  const expected = qemu[0]?.output;
  if (qemu.some((s) => s.status !== 0 || s.output !== expected)) return 'qemu FAILS';
  const bad = ours.find((s) => s.status !== 0);
  if (bad) return `FAILS, status ${bad.status}`;
  if (ours.some((s) => s.output !== expected)) return 'WRONG OUTPUT';
  if (sameOutput && native.some((s) => s.status !== 0 || s.output !== expected)) return 'native DIFFERS';
  return '';
}

/** Time of an empty program under each emulator: what is subtracted in the column "net". */
export interface Base {
  readonly qemu: number;
  readonly ours: number;
}

/** A Markdown table of one row per case, a geometric mean per group; failed cases are in no mean. */
export function table(results: readonly Result[], metric: Metric, base: Base | null): string {
  const lines = [
    `| group | case | native s | qemu s | ours s | ours ÷ qemu | net | ours × native | qemu × native | |`,
    `|---|---|--:|--:|--:|--:|--:|--:|--:|---|`,
  ];
  for (const group of GROUPS) {
    const ratios: number[] = [];
    const nets: number[] = [];
    const overNative: number[] = [];
    const qemuOverNative: number[] = [];
    for (const result of results.filter((r) => r.case.group === group)) {
      const [native, qemu, ours] = (['native', 'qemu', 'ours'] as const).map((r) => middle(result.samples[r], metric));
      const wrong = complaint(result);
      const ratio = ours! / qemu!;
      const net =
        base && group !== 'startup' ? Math.max(ours! - base.ours, 0.001) / Math.max(qemu! - base.qemu, 0.001) : NaN;
      if (wrong === '') {
        ratios.push(ratio);
        if (Number.isFinite(net)) nets.push(net);
        if (native! > 0.005) {
          overNative.push(ours! / native!);
          qemuOverNative.push(qemu! / native!);
        }
      }
      const cells = [fixed(native!, 3), fixed(qemu!, 3), fixed(ours!, 3), fixed(ratio, 2), fixed(net, 2)];
      const times = native! > 0.005 ? [fixed(ours! / native!, 1), fixed(qemu! / native!, 1)] : ['–', '–'];
      lines.push(`| ${group} | ${result.case.name} | ${[...cells, ...times].join(' | ')} | ${wrong} |`);
    }
    if (ratios.length === 0) continue;
    const means = [ratios, nets].map((v) => `**${fixed(geometricMean(v), 2)}**`);
    const times = [overNative, qemuOverNative].map((v) => `**${fixed(geometricMean(v), 1)}**`);
    lines.push(`| **${group}** | **geometric mean** | | | | ${[...means, ...times].join(' | ')} | |`);
  }
  return `${lines.join('\n')}\n`;
}

/** The bars: integer, memory and calls in one mean, FP and SIMD in one, the x87, scripts and tools in one. */
export function summary(results: readonly Result[], metric: Metric, base: Base | null): string {
  const sets = [
    ['integer, memory, calls', ['integer', 'memory', 'calls'], 0.6],
    ['FP, SIMD', ['fp', 'simd'], 0.15],
    ['x87', ['x87'], 1],
    ['scripts, tools', ['scripts', 'tools'], 0.7],
  ] as const;
  const good = results.filter((r) => complaint(r) === '');
  const lines = sets.flatMap(([name, groups, bar]) => {
    const chosen = good.filter((r) => (groups as readonly string[]).includes(r.case.group));
    if (chosen.length === 0) return [];
    const pairs = chosen.map((r) => [middle(r.samples.ours, metric), middle(r.samples.qemu, metric)] as const);
    const whole = pairs.map(([ours, qemu]) => ours / qemu);
    const net = base ? pairs.map(([o, q]) => Math.max(o - base.ours, 0.001) / Math.max(q - base.qemu, 0.001)) : [NaN];
    const worst = chosen[whole.indexOf(Math.max(...whole))]!.case.name;
    const mean = `${fixed(geometricMean(whole), 2)} (net ${fixed(geometricMean(net), 2)}, bar ${bar})`;
    return [`- ${name}: ${mean}; worst ${worst} ${fixed(Math.max(...whole), 2)}`];
  });
  return `${lines.join('\n')}\n`;
}

/** Peak resident set of the static hello, and its time beside an empty Node program. */
export function startupReport(hello: Result, metric: Metric): string {
  const { ours, qemu, node } = hello.samples;
  const mib = (samples: readonly Sample[]): string => (median(samples.map((s) => s.rss)) / 1024).toFixed(0);
  const times = (['ours', 'node', 'qemu'] as const).map((r) => fixed(middle(hello.samples[r], metric), 3));
  const walls = (['ours', 'node', 'qemu'] as const).map((r) => fixed(middle(hello.samples[r], 'wall'), 3));
  const ratio = fixed(middle(ours, metric) / middle(node, metric), 2);
  return [
    `- static hello: ours ${times[0]} s, \`node -e 0\` ${times[1]} s, qemu ${times[2]} s: ${ratio} × node (bar 2.0)`,
    `- the same by the clock: ${walls.join(', ')} s`,
    `- peak resident set: ours ${mib(ours)} MiB (bar 120), node ${mib(node)} MiB, qemu ${mib(qemu)} MiB`,
    '',
  ].join('\n');
}
