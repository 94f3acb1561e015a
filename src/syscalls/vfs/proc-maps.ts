import type { Mapping } from '../../cpu/memory/types.ts';
import type { Process } from '../kernel/process.ts';

const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');
/** A zombie has no memory. */
const mappings = ({ exited, space }: Process): readonly Mapping[] => (exited === null ? space.mappings() : []);

/** /proc/PID/maps */
export function maps(target: Process): string {
  return mappings(target).map(line).join('');
}

function line(m: Mapping): string {
  const perms = `${m.prot & 1 ? 'r' : '-'}${m.prot & 2 ? 'w' : '-'}${m.prot & 4 ? 'x' : '-'}${m.shared ? 's' : 'p'}`;
  const dev = m.source?.dev ?? 0;
  const major = dev >>> 8;
  const head = `${hex(m.start, 8)}-${hex(m.end, 8)} ${perms} ${hex(m.offset, 8)} ${hex(major & 0xfff, 2)}:${hex(dev & 0xff, 2)} ${m.source?.ino ?? 0}`;
  const name = m.source?.name ?? m.name;
  return name === '' ? `${head} \n` : `${head.padEnd(72)} ${name}\n`;
}

const row = (name: string, bytes: number): string => `${`${name}:`.padEnd(16)}${String(bytes / 1024).padStart(8)} kB\n`;
/** What is always 0 here. */
const NONE = 'LazyFree AnonHugePages ShmemPmdMapped FilePmdMapped Shared_Hugetlb Private_Hugetlb Swap SwapPss Locked'
  .split(' ')
  .map((name) => row(name, 0))
  .join('');

/** How much of a mapping is used: nothing is known of who else has its pages, so that all are its own. */
function usage(resident: number, anonymous: number, dirty: number): string {
  return (
    row('Rss', resident) +
    row('Pss', resident) +
    row('Pss_Dirty', dirty) +
    row('Shared_Clean', 0) +
    row('Shared_Dirty', 0) +
    row('Private_Clean', resident - dirty) +
    row('Private_Dirty', dirty) +
    row('Referenced', resident) +
    row('Anonymous', anonymous) +
    row('KSM', 0) +
    NONE
  );
}

function parts(target: Process, m: Mapping): readonly [resident: number, anonymous: number, dirty: number] {
  const resident = target.space.usedBytes(m.start, m.end);
  return [resident, m.source === null ? resident : 0, m.source === null || (m.prot & 2) !== 0 ? resident : 0];
}

/** /proc/PID/smaps */
export function smaps(target: Process): string {
  const flags = ({ prot, shared }: Mapping): string =>
    `${prot & 1 ? 'rd ' : ''}${prot & 2 ? 'wr ' : ''}${prot & 4 ? 'ex ' : ''}${shared ? 'sh ' : ''}mr mw me `;
  const one = (m: Mapping): string =>
    line(m) +
    row('Size', m.end - m.start) +
    row('KernelPageSize', 4096) +
    row('MMUPageSize', 4096) +
    usage(...parts(target, m)) +
    `THPeligible:           0\nVmFlags: ${flags(m)}\n`;
  return mappings(target).map(one).join('');
}

/** /proc/PID/smaps_rollup: the sum */
export function smapsRollup(target: Process): string {
  const list = mappings(target);
  const sum = (index: 0 | 1 | 2): number => list.reduce((all, m) => all + parts(target, m)[index], 0);
  const range = `${hex(list[0]?.start ?? 0, 8)}-${hex(list.at(-1)?.end ?? 0, 8)} ---p 00000000 00:00 0`;
  return `${range.padEnd(72)} [rollup]\n${usage(sum(0), sum(1), sum(2))}`;
}
