/** Inputs of the benchmark: made, not stored; the same bytes on every machine. */

/** A generator of 31-bit numbers: the constants of `drand48(3)` without their low bits. */
export function randomNumbers(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 0x5deece66dn + 11n) & 0xffff_ffff_ffffn;
    return Number(state >> 17n);
  };
}

/** Lines of words and numbers, about as compressible as program text. */
export function textData(bytes: number, seed = 1): Buffer {
  const random = randomNumbers(seed);
  const syllables = [
    're',
    'gi',
    'on',
    'sta',
    'tor',
    'lin',
    'a',
    'ex',
    'ca',
    'de',
    'mu',
    'la',
    'pro',
    'ces',
    'o',
    'ver',
  ];
  const words = Array.from({ length: 4000 }, () =>
    Array.from({ length: 1 + (random() % 4) }, () => syllables[random() % syllables.length]).join(''),
  );
  const out = Buffer.alloc(bytes, '\n');
  let at = 0;
  while (at < bytes - 100) {
    const length = 3 + (random() % 9);
    let line = '';
    for (let i = 0; i < length; i++) {
      // squared: some words are much more frequent than others
      const pick = random() % words.length;
      line += random() % 8 === 0 ? `${random() % 100_000} ` : `${words[((pick * pick) / words.length) | 0]} `;
    }
    at += out.write(`${line}\n`, at, 'latin1');
  }
  return out;
}

/** A C function of a dozen operations with a branch and a short loop. */
function smallFunction(index: number, random: () => number): string {
  const shift = 1 + (random() % 20);
  const variants = [
    `  if ((x & ${1 << (random() % 6)}) != 0) x = x * ${3 + (random() % 100)} + y;\n  else x ^= y >> ${shift};`,
    `  switch (x & 3) {\n  case 0: x += y; break;\n  case 1: x -= ${random() % 1000}; break;\n  default: x ^= x << ${shift};\n  }`,
    `  for (int i = ${1 + (random() % 4)}; i > 0; i--) x = (x >> 3) + y * i + table[(x + i) & 63];`,
    `  table[x & 63] += (unsigned)y;\n  x = x / ${3 + (random() % 50)} + table[y & 63];`,
    `  y = (y << ${shift}) | (y >> ${64 - shift});\n  x = x > y ? x - y : y - x;`,
  ];
  const body = [0, 1, 2].map(() => variants[random() % variants.length]).join('\n');
  return `__attribute__((noipa)) u64 f${index}(u64 x, u64 y) {\n${body}\n  return x + ${random() % 10_000};\n}\n`;
}

/** A C program of `count` small functions, each called once: what translation itself costs. */
export function manyFunctions(count: number): string {
  const random = randomNumbers(2);
  const functions = Array.from({ length: count }, (_, i) => smallFunction(i, random));
  const calls = functions.map((_, i) => `  x = f${i}(x, ${i}u);`);
  return [
    '#include <stdio.h>',
    'typedef unsigned long long u64;',
    'static unsigned table[64];',
    ...functions,
    `int main(void) {\n  u64 x = 1;\n${calls.join('\n')}\n  printf("many %016llx\\n", x);\n  return 0;\n}\n`,
  ].join('\n');
}

/** A translation unit without includes, of about `lines` lines, for a compiler to compile. */
export function sourceFile(lines: number): string {
  const random = randomNumbers(3);
  let text = 'typedef unsigned long long u64;\nstatic unsigned table[64];\n';
  let count = 2;
  for (let i = 0; count < lines; i++) {
    const next = smallFunction(i, random);
    text += next;
    count += next.split('\n').length - 1;
  }
  return text;
}

/** SQL that fills an indexed table row by row and then looks at it. */
export function sqlInserts(rows: number): string {
  const random = randomNumbers(4);
  let text = 'create table t(a integer primary key, b integer, c text);\ncreate index i on t(b);\nbegin;\n';
  for (let i = 0; i < rows; i++) text += `insert into t values(${i},${random()},'row ${random() % 1000} of ${i}');\n`;
  return `${text}commit;\nselect count(*), sum(b % 1000), max(c) from t;\nselect c from t where b > 2000000000 order by b limit 3;\n`;
}
