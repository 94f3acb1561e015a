import type { Region } from './backend/wasm/region/discover.ts';

/** Largest gap between two blocks of a loop that others of it may lie in: compilers put what is rare elsewhere. */
const NEAR = 4096;

/** Whether an address lies in ranges, or between two that are near each other. */
export const spans = (ranges: Uint32Array, address: number): boolean => {
  for (let i = 0; i < ranges.length; i += 2) {
    const end = ranges[i + 1] as number;
    const next = ranges[i + 2] ?? end;
    if (address >= (ranges[i] as number) && address < (next - end <= NEAR ? next : end)) return true;
  }
  return false;
};

/** (start, end) of the guest code of a region, neighbours joined. */
export const rangesOf = (region: Region): Uint32Array => {
  const blocks = region.blocks.filter((b) => b.end > b.pc).sort((a, b) => a.pc - b.pc);
  const ranges: number[] = [];
  for (const { pc, end } of blocks) {
    const last = ranges.length - 1;
    if (last > 0 && pc <= (ranges[last] as number)) ranges[last] = Math.max(ranges[last] as number, end);
    // bit 0 of a pc is no part of the address
    else ranges.push(pc - (pc % 2), end);
  }
  return Uint32Array.from(ranges);
};
