/** Table slot of `dispatch`; what a jump cache entry names where no region is known. */
export const DISPATCH_SLOT = 1;

/** Operations of the cold tier that are none of the IR's: the first of its instruction set. */
export const specials = [
  'exit',
  'jump',
  'jumpBack',
  'branchIf',
  'branchUnless',
  'call',
  'callIndirect',
  'jumpIndirect',
  'return',
  'syscall',
  'helper',
  'native',
  'unlinked',
  'enter',
  'const32',
  'const64',
  'constV128',
  'mov32',
  'mov64',
  'mov128',
  'set64z',
  'set32z',
  'cc',
  'cc3',
  'ccImm',
  'cc1',
  'ccOver',
  'ccOver2',
  'loadPair',
  'storePair',
  'loadList',
  'storeList',
  'fence',
  'slot8s',
  'slot8u',
  'slot16s',
  'slot16u',
  'putSlot8',
  'putSlot16',
] as const;
export type SpecialName = (typeof specials)[number];

/** Number of a special's handler. */
export const specialNumber = (name: SpecialName): number => specials.indexOf(name);
