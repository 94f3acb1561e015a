/**
 * Records that often follow each other, by their handlers: with the first of such a pair its block has the second done at
 * once, without a jump through the table between them. In starts of python3, bash, sqlite3 and cc1 of four guests these
 * are two fifths to a half of all that follow each other.
 */
const PAIRS: readonly (readonly [first: string, seconds: string])[] = [
  ['i32.load', 'i32.load, #i32.add, mov32, i32.store, ccImm, cc, const32, cc1, #i32.and, i32.and, #i32.shl'],
  ['i32.wrap_i64', 'ccImm, i32.wrap_i64, mov64, const64, #i64.shl, #i32.and'],
  ['i64.load', '#i64.add, i64.load, const64, cc, mov64, #i64.and, br i64.eqz, i64.store, i64.add, ccImm, cc1, br# i64.ne, storePair, i32.wrap_i64, #i64.shl'],
  ['#i64.shl', 'i64.add, i64.or'],
  ['ccImm', 'br i32.eq, br i32.ne, br# i32.ne, #i32.shl, i32.store, i32.load, br i32.gt_u, br i32.le_u, br i32.gt_s, br i64.gt_u, mov64, i32.ne, br i64.eq, i64.load, i64.add'],
  ['mov32', '#i32.add, mov32, i32.load, i32.add, #i32.sub, const32, i32.store, #i32.shl, i32.sub, ccImm'],
  ['i32.store', '#i32.sub, i32.store, i32.load, mov32, ccImm, const32, #i32.add'],
  ['#i64.add', 'mov64, return, i32.wrap_i64, cc, const64, ccImm, i64.load, i64.store, br i64.eqz, #i64.add'],
  ['mov64', 'i64.load, mov64, const64, #i64.add, storePair, i64.store, #i64.sub, loadPair, i64.add, i32.wrap_i64, i32.add'],
  ['#i32.add', 'ccImm, mov32, i32.load, return, i32.store, i32.load8_u'],
  ['i64.store', '#i64.sub, i64.load, mov64, const64'],
  ['i32.load8_u', '#i32.and, ccImm'],
  ['#i32.shl', 'i32.add, #i32.shl, i32.or, br i32.eqz, ccOver2, br i32.eq, br# i32.ne, br i32.ne'],
  ['loadPair', 'loadPair, #i64.add, mov64'],
  ['#i32.and', '#i32.and, cc1, #i32.shr_u, i32.or, i32.select, #i32.shl, i64.extend_i32_u, mov32, #i32.or, ccImm, i32.add, i32.wrap_i64, cc'],
  ['i64.add', 'i64.load, i64.add, i64.load8_u, i64.store, i64.load32_u, #i64.shl'],
  ['cc', 'br i64.ne, br i32.eq, br i64.eq, br i32.ne, i32.add'],
  ['cc1', 'br i32.eqz, #i32.shl, br# i32.ne, br i64.eqz'],
  ['const64', 'const64, #i64.add, i64.store, i64.load, i64.and, call, cc3, mov64'],
  ['const32', 'i32.store, i32.select, i32.load, i32.shr_u, i32.sub, #i32.and, ccOver, const32, call'],
  ['i32.add', 'i32.load, cc, i32.add, #i32.ge_s, br i32.eqz, i32.ge_u, mov32'],
  ['#i32.shr_u', '#i32.and, const32, #i32.shl, #i32.shr_u'],
  ['storePair', 'mov64, #i64.add, storePair'],
  ['#i32.sub', 'i32.store, ccImm, const32, call, mov32, i32.wrap_i64'],
  ['i64.extend_i32_u', 'i64.extend_i32_u, cc, cc1'],
  ['#i64.sub', 'i64.store, mov64, call, ccImm'],
  ['i32.select', 'mov32, branchIf'],
  ['#i64.and', 'br# i64.ne, br i64.eqz, ccImm'],
  ['i32.and', 'cc1'],
  ['i64.load8_u', '#i64.add'],
  ['i32.shr_u', '#i32.and'],
  ['#i64.shr_u', 'const64'],
  ['i64.and', 'i64.and, #i64.shl'],
  ['i32.sub', '#i32.and, cc'],
  ['i32.mul', 'i32.add'],
  ['#i32.ge_s', '#i32.and'],
  ['i32.load16_u', 'ccImm, #i32.and'],
  ['i64.extend_i32_s', 'i64.add'],
  ['i32.or', '#i32.shr_u, const32'],
  ['i64.or', '#i64.shr_u'],
]; // biome-ignore format: a table

export const pairs: readonly (readonly [first: string, second: string])[] = PAIRS.flatMap(([first, seconds]) =>
  seconds.split(', ').map((second) => [first, second] as const),
);
