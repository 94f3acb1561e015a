import type { StoredModule, StoredRegion } from './region-store.ts';
import { regionModule } from './translation.ts';

/** New machine code of modules, to be kept instead of what the store has. */
export type MachineCode = ReadonlyMap<StoredModule, { readonly code: Uint8Array; readonly optimised: number }>;

/** A module as it will be kept, with its regions. */
export interface KeptModule {
  readonly bytes: Uint8Array;
  readonly code: Uint8Array | null;
  readonly optimised: number;
  readonly regions: readonly Pick<StoredRegion, keyof StoredRegion>[];
}

/**
 * Taking a module into use costs V8 a third of a millisecond, so with more of them than this they are put
 * together: those without machine code, which have nothing to lose, and those with some.
 */
const MAX_BARE = 4;
const MAX_CODED = 64;
/** A module as large as this, in bytes, grows no more, so that a short run need not take all into use. */
const FULL = 0x10_0000;

/** Modules to keep for these regions. Those that are merged lose their machine code until V8 has made it anew. */
export const keptModules = (regions: Iterable<StoredRegion>, newCode: MachineCode): KeptModule[] => {
  const byModule = new Map<StoredModule, StoredRegion[]>();
  for (const r of regions) {
    const known = byModule.get(r.module);
    if (known) known.push(r);
    else byModule.set(r.module, [r]);
  }
  const modules = [...byModule].map(([module, own]) => {
    const { code, optimised } = newCode.get(module) ?? module;
    return { bytes: module.bytes, code, optimised, regions: own };
  });
  const full = modules.filter((m) => m.bytes.length >= FULL);
  const small = modules.filter((m) => m.bytes.length < FULL);
  const together = (part: typeof modules, most: number): KeptModule[] =>
    part.length > most ? [merged(part.flatMap((m) => m.regions))] : part;
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

const merged = (regions: readonly StoredRegion[]): KeptModule => {
  const { bytes, bodies } = regionModule(
    regions.map(({ module, body: { start, length, ownCalls, hints } }) => ({
      bytes: module.bytes.subarray(start, start + length),
      ownCalls,
      hints,
    })),
  );
  return {
    bytes,
    code: null,
    optimised: 0,
    regions: regions.map((r, index) => ({ ...r, index, body: bodies[index] as typeof r.body })),
  };
};
