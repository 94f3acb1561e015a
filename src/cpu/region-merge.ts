import type { RegionSource, StoredModule, StoredRegion } from './region-store.ts';
import { regionModule } from './translation.ts';

/** New machine code of modules, to be kept instead of what the store has. */
export type MachineCode = ReadonlyMap<StoredModule, { readonly code: Uint8Array; readonly optimised: number }>;

/** A module as it will be kept, with its regions by their indices. */
export interface KeptModule {
  readonly bytes: Uint8Array;
  readonly code: Uint8Array | null;
  readonly optimised: number;
  readonly regions: ReadonlyMap<number, StoredRegion>;
  readonly sources: ReadonlyMap<number, RegionSource>;
}

/**
 * Taking a module into use costs V8 a third of a millisecond, so with more of them than this they are put
 * together: those without machine code, which have nothing to lose, and those with some.
 */
const MAX_BARE = 4;
const MAX_CODED = 64;
/** A module as large as this, in bytes, grows no more: a short run takes all of it into use for one of its regions. */
const FULL = 0x8000;

/** Modules to keep for these regions. Those that are merged lose their machine code until V8 has made it anew. */
export const keptModules = (regions: readonly StoredRegion[], newCode: MachineCode): KeptModule[] => {
  const modules = [...Map.groupBy(regions, ({ module }) => module)].map(([module, own]) => {
    const { bytes, code: old } = module.contents;
    const { code, optimised } = newCode.get(module) ?? { code: old, optimised: module.optimised };
    return {
      bytes,
      code,
      optimised,
      regions: new Map(own.map((r) => [r.index, r])),
      sources: new Map(own.map((r) => [r.index, r.source])),
    };
  });
  const full = modules.filter((m) => m.bytes.length >= FULL);
  const small = modules.filter((m) => m.bytes.length < FULL);
  const together = (part: readonly KeptModule[], most: number): readonly KeptModule[] =>
    part.length > most ? mergedOf(part) : part;
  return [
    ...full,
    ...together(
      small.filter((m) => m.optimised === 0),
      MAX_BARE,
    ),
    ...together(
      small.filter((m) => m.optimised > 0),
      MAX_CODED,
    ),
  ];
};

/** Full modules, and one that is not, of the regions of these: those made at one time are wanted at one time. */
const mergedOf = (modules: readonly KeptModule[]): KeptModule[] => {
  const regions = modules.flatMap((m) => [...m.regions.values()]).sort((a, b) => a.id - b.id);
  const merged: KeptModule[] = [];
  let some: StoredRegion[] = [];
  let size = 0;
  for (const region of regions) {
    some.push(region);
    size += region.source.body.length;
    if (size < FULL) continue;
    merged.push(moduleOf(some));
    some = [];
    size = 0;
  }
  return some.length > 0 ? [...merged, moduleOf(some)] : merged;
};

const moduleOf = (regions: readonly StoredRegion[]): KeptModule => {
  const { bytes, bodies } = regionModule(
    regions.map(({ module, source: { body } }) => ({
      bytes: module.contents.bytes.subarray(body.start, body.start + body.length),
      ownCalls: body.ownCalls,
      hints: body.hints,
    })),
  );
  return {
    bytes,
    code: null,
    optimised: 0,
    regions: new Map(regions.entries()),
    sources: new Map(regions.map(({ source }, i) => [i, { ...source, body: bodies[i] as typeof source.body }])),
  };
};
