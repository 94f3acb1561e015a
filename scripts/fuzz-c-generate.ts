/**
 * Random C programs for scripts/fuzz-c.ts: functions of loops, branches and calls over arrays of all widths, which a compiler
 * makes into what no table of instructions shows. Nothing in them is undefined or depends on the machine (with -fwrapv and
 * -ffp-contract=off), so that whatever they are compiled for they print the same.
 */
import type { Random } from './fuzz-random.ts';

const INTEGERS = ['u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64'] as const;
const FLOATS = ['f32', 'f64'] as const;
type Integer = (typeof INTEGERS)[number];
type Float = (typeof FLOATS)[number];
type Type = Integer | Float;
const TYPES: readonly Type[] = [...INTEGERS, 'u32', 'u32', 'i32', 'u64', ...FLOATS, ...FLOATS];

/** Elements of each global array; a power of two. */
const ELEMENTS = 256;
const FUNCTIONS = 8;
/** How often main calls each function: enough for a loop's region to be made anew for what it met. */
const CALLS = 24;

/** Bits of each integer type. */
const bitsOf = (type: Integer): number => Number(type.slice(1));
const isFloat = (type: Type): type is Float => type === 'f32' || type === 'f64';

const HEAD = `#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef int8_t i8; typedef int16_t i16; typedef int32_t i32; typedef int64_t i64;
typedef float f32; typedef double f64;
#define N ${ELEMENTS}
${TYPES.filter((t, i) => TYPES.indexOf(t) === i)
  .map((t) => `static ${t} g_${t}[N + 16];`)
  .join('\n')}
/* Pages with nothing in front of them and behind them: arrays begin and end where they do. */
static u8 *ints, *f32s, *f64s;
static u8 *alone(void) {
  u8 *p = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(p, 4096);
  munmap(p + 2 * 4096, 4096);
  return p + 4096;
}
${TYPES.filter((t, i) => TYPES.indexOf(t) === i)
  .map((t) => {
    const page = isFloat(t) ? `${t}s` : 'ints';
    return `#define s_${t} ((${t} *)${page})\n#define e_${t} ((${t} *)(${page} + 4096) - N)`;
  })
  .join('\n')}
static u64 mix(u64 h, u64 x) { h ^= x; h *= 0x9e3779b97f4a7c15u; return h ^ (h >> 29); }
static u64 of_f64(f64 x) { u64 b; memcpy(&b, &x, 8); return x != x ? 0x7ff8 : b; }
static u64 of_f32(f32 x) { u32 b; memcpy(&b, &x, 4); return x != x ? 0x7fc0 : b; }
static i64 to_i64(f64 x) { return x > -9e18 && x < 9e18 ? (i64)x : 77; }
static i32 to_i32(f64 x) { return x > -2e9 && x < 2e9 ? (i32)x : 78; }
static u64 udiv(u64 a, u64 b) { return b ? a / b : a; }
static u64 urem(u64 a, u64 b) { return b ? a % b : a; }
static i64 sdiv(i64 a, i64 b) { return b && b != -1 ? a / b : a; }
static i64 srem(i64 a, i64 b) { return b && b != -1 ? a % b : a; }
static u32 udiv32(u32 a, u32 b) { return b ? a / b : a; }
static i32 sdiv32(i32 a, i32 b) { return b && b != -1 ? a / b : a; }
static u32 rol32(u32 a, u32 n) { n &= 31; return n ? a << n | a >> (32 - n) : a; }
static u64 ror64(u64 a, u32 n) { n &= 63; return n ? a >> n | a << (64 - n) : a; }
static u32 clz32(u32 a) { return a ? __builtin_clz(a) : 32; }
static u32 ctz64(u64 a) { return a ? __builtin_ctzll(a) : 64; }
static u64 mulhi(u64 a, u64 b) {
  u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32, m = ah * bl + (al * bl >> 32);
  return ah * bh + (m >> 32) + ((al * bh + (u32)m) >> 32);
}
`;

interface Scope {
  readonly locals: readonly { readonly name: string; readonly type: Type }[];
  /** Counters of the loops around; never assigned to. */
  readonly counters: readonly string[];
  /** In a sweep: a counter that runs below this, so that arrays may be indexed by it as it is. */
  readonly sweep: { readonly counter: string; readonly below: number } | null;
  /** How deep branches may lie in each other yet. */
  readonly branches: number;
  /** Number of the function: it may call those before it. */
  readonly index: number;
}

class Generator {
  private readonly random: Random;
  private names = 0;

  constructor(random: Random) {
    this.random = random;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)] as T;
  }

  private constant(type: Type): string {
    const { random } = this;
    if (isFloat(type))
      return this.pick(['0.0', '1.0', '-1.5', '0.1', '3.25e5', '1e-3', '1e30', '-7.0', '1e-40', '2.5']);
    const value = this.pick([0, 1, 2, 3, 7, 8, 31, 63, 127, 128, 255, 256, 4095, 65535, 0x7fffffff, 0x80000000]);
    const number = random.oneIn(3) ? random.u32() : value;
    const wide = bitsOf(type) === 64 && random.oneIn(3) ? ` * 0x100000001ull` : '';
    return `(${type})(${number}ull${wide}${random.oneIn(4) ? ' * -1' : ''})`;
  }

  /** An element of an array; what is at an index is there. */
  private element(type: Type, scope: Scope, depth: number): string {
    const counter = this.random.oneIn(2) && scope.counters.length > 0 ? this.pick(scope.counters) : null;
    const by = this.random.below(12);
    const index =
      counter === null ? this.integer('u32', scope, depth - 1) : by > 8 ? `${counter} * ${by - 7}` : counter;
    return `g_${type}[(${index}${by < 4 ? ` + ${by}` : ''}) & (N - 1)]`;
  }

  /** An element whose address moves with the counter of a sweep. */
  private swept(type: Type, { counter, below }: { counter: string; below: number }): string {
    const array = this.pick(['g', 's', 'e']);
    const by = array === 'g' && this.random.oneIn(2) ? ` + ${this.random.below(16)}` : '';
    return `${array}_${type}[${this.random.oneIn(4) ? `${below - 1} - ${counter}` : counter}${by}]`;
  }

  private leaf(type: Type, scope: Scope, depth: number): string {
    const { random } = this;
    if (scope.sweep !== null && random.oneIn(2)) {
      const of = random.oneIn(2) ? type : this.pick(TYPES);
      return this.convert(this.swept(of, scope.sweep), of, type);
    }
    const same = scope.locals.filter((l) => l.type === type);
    if (depth > 0 && random.oneIn(3)) return this.element(type, scope, depth);
    if (same.length > 0 && !random.oneIn(4)) return this.pick(same).name;
    if (!isFloat(type) && scope.counters.length > 0 && random.oneIn(2)) return `(${type})${this.pick(scope.counters)}`;
    const other = this.pick(scope.locals);
    if (random.oneIn(3)) return this.constant(type);
    return this.convert(other.name, other.type, type);
  }

  private convert(text: string, from: Type, to: Type): string {
    if (!isFloat(from) || isFloat(to)) return `(${to})(${text})`;
    return bitsOf(to) === 64 ? `(${to})to_i64(${text})` : `(${to})to_i32(${text})`;
  }

  private integer(type: Integer, scope: Scope, depth: number): string {
    const { random } = this;
    if (depth <= 0) return this.leaf(type, scope, 0);
    const a = (): string => this.integer(type, scope, depth - 1);
    const word = (): string => this.integer('u32', scope, depth - 1);
    switch (random.below(16)) {
      case 0:
      case 1:
        return `(${type})(${a()} + ${a()})`;
      case 2:
        return `(${type})(${a()} - ${a()})`;
      case 3:
        return `(${type})(${a()} * ${this.pick([a(), this.constant(type)])})`;
      case 4:
        return `(${type})(${a()} ${this.pick(['&', '|', '^'])} ${a()})`;
      case 5:
        return `(${type})(${a()} ${this.pick(['<<', '>>'])} (${this.pick([word(), `${random.below(64)}`])} & ${bitsOf(type) - 1}))`;
      case 6: {
        const name = this.pick(['udiv', 'urem', 'sdiv', 'srem', 'udiv32', 'sdiv32', 'mulhi']);
        return `(${type})${name}(${a()}, ${this.pick([a(), this.constant(type)])})`;
      }
      case 7:
        return `(${type})${this.pick(['rol32', 'ror64'])}(${a()}, ${word()})`;
      case 8:
        return `(${type})${this.pick(['clz32', 'ctz64', '__builtin_popcount', '__builtin_bswap32', '__builtin_bswap64'])}(${a()})`;
      case 9:
        return `(${type})(${this.condition(scope, depth - 1)})`;
      case 10:
        return `(${this.condition(scope, depth - 1)} ? ${a()} : ${a()})`;
      case 11:
      case 12: {
        const from = this.pick(TYPES);
        return this.convert(this.expression(from, scope, depth - 1), from, type);
      }
      default:
        return this.leaf(type, scope, depth);
    }
  }

  private float(type: Float, scope: Scope, depth: number): string {
    if (depth <= 0) return this.leaf(type, scope, 0);
    const a = (): string => this.float(type, scope, depth - 1);
    switch (this.random.below(9)) {
      case 0:
        return `(${a()} + ${a()})`;
      case 1:
        return `(${a()} - ${a()})`;
      case 2:
        return `(${a()} * ${a()})`;
      case 3:
        return `(${a()} / ${a()})`;
      case 4:
        return `(${this.condition(scope, depth - 1)} ? ${a()} : ${a()})`;
      case 5:
        return `(${type})${type === 'f32' ? '__builtin_fabsf' : '__builtin_fabs'}(${a()})`;
      case 6: {
        const from = this.pick(TYPES);
        return this.convert(this.expression(from, scope, depth - 1), from, type);
      }
      default:
        return this.leaf(type, scope, depth);
    }
  }

  private expression(type: Type, scope: Scope, depth: number): string {
    return isFloat(type) ? this.float(type, scope, depth) : this.integer(type, scope, depth);
  }

  private condition(scope: Scope, depth: number): string {
    const type = this.pick(TYPES);
    const left = this.expression(type, scope, depth - 1);
    const text = `(${left} ${this.pick(['<', '<=', '>', '>=', '==', '!='])} ${this.expression(type, scope, depth - 1)})`;
    return this.random.oneIn(4) && depth > 0
      ? `(${text} ${this.pick(['&&', '||'])} ${this.condition(scope, depth - 1)})`
      : text;
  }

  private block(scope: Scope, loops: number, count: number): string {
    return `{ ${Array.from({ length: count }, () => this.statement(scope, loops)).join(' ')} }`;
  }

  private assignment(scope: Scope): string {
    const { name, type } = this.pick(scope.locals);
    if (this.random.oneIn(3)) {
      const to = this.pick(TYPES);
      return `${this.element(to, scope, 1)} = ${this.expression(to, scope, 3)};`;
    }
    if (isFloat(type)) return `${name} ${this.pick(['=', '=', '+=', '-=', '*='])} ${this.float(type, scope, 3)};`;
    return `${name} ${this.pick(['=', '=', '+=', '-=', '^=', '|=', '*='])} ${this.integer(type, scope, 3)};`;
  }

  /** A pointer that moves over an array, a copy, a search. */
  private walk(scope: Scope): string {
    const type = this.pick(TYPES);
    const p = `p${this.names++}`;
    const sum = this.pick(scope.locals);
    const from = this.random.below(9);
    const length = 1 + this.random.below(ELEMENTS - 16);
    const into = this.convert(`*${p}`, type, sum.type);
    switch (this.random.below(5)) {
      case 0:
        return `for (const ${type} *${p} = g_${type} + ${from}, *e = ${p} + ${length}; ${p} < e; ${p}++) ${sum.name} += ${into};`;
      case 1:
        return `{ ${type} *${p} = g_${type} + N - 1; for (u32 n = ${length}; n; n--, ${p}--) { if (${into} > ${sum.name}) ${sum.name} = ${into}; else *${p} = ${this.expression(type, scope, 1)}; } }`;
      case 2:
        return `{ ${type} *${p} = g_${type}, *s = ${p} + ${from}; u32 n = ${length}; while (n--) *${p}++ = *s++; }`;
      case 3:
        return `mem${this.random.oneIn(2) ? 'move' : 'cpy'}(g_${type} + ${this.random.oneIn(2) ? 0 : 128}, g_${type} + 64 + ${from}, ${1 + this.random.below(55)} * sizeof(${type}));`;
      default:
        return `{ u32 n = 0; while (n < N && g_${type}[n] ${this.pick(['!=', '<', '>'])} ${this.constant(type)}) n++; ${sum.name} += n; }`;
    }
  }

  /** Loops over arrays from end to end, often enough for one to run long: pointers that move, some under conditions. */
  private sweep(scope: Scope): string {
    const { random } = this;
    const [i, q] = [`c${this.names++}`, `p${this.names++}`];
    const below = 1 + random.below(ELEMENTS);
    const sweep = { counter: i, below };
    const inner = { ...scope, counters: [i], sweep };
    const to = this.pick(TYPES);
    const parts = Array.from({ length: 1 + random.below(3) }, (_, n) => {
      const type = this.pick(TYPES);
      const { name, type: local } = this.pick(scope.locals);
      // once a turn at most
      if (n === 0 && random.oneIn(3)) {
        return `if ${this.condition(inner, 1)} *${q}++ = ${this.expression(to, inner, 2)};`;
      }
      switch (random.below(4)) {
        case 0:
          return `if ${this.condition(inner, 1)} ${this.swept(type, sweep)} = ${this.expression(type, inner, 2)};`;
        case 1:
          return `${name} ${this.pick(['+=', '-='])} ${this.expression(local, inner, 2)};`;
        default:
          return `${this.swept(type, sweep)} = ${this.expression(type, inner, 2)};`;
      }
    });
    const type = this.pick(['u32', 'i32', 'u64']);
    const head = random.oneIn(4)
      ? `for (${type} ${i} = ${below}; ${i}-- > 0;)`
      : `for (${type} ${i} = 0; ${i} < ${below}; ${i} += ${1 + random.below(3)})`;
    return `for (u32 r = 0; r < ${1 + random.below(120)}; r++) { ${to} *${q} = ${this.pick(['s', 'e', 'g'])}_${to}; ${head} { ${parts.join(' ')} } }`;
  }

  /** Pieces that jump to each other as they like: loops that are entered at several places. */
  private jumps(scope: Scope, turns: number): string {
    const { random } = this;
    const n = this.names++;
    const count = 3 + random.below(6);
    const to = (): string => `goto l${n}_${random.below(count)};`;
    const inner = { ...scope, branches: 0 };
    const pieces = Array.from({ length: count }, (_, i) => {
      const does = Array.from({ length: 1 + random.below(4) }, () => this.assignment(inner)).join(' ');
      const next = random.oneIn(3) ? '' : to();
      return `l${n}_${i}: ${does} if (--n${n} == 0) goto e${n}; if ${this.condition(inner, 1)} ${to()} ${next}`;
    });
    return `{ u32 n${n} = ${turns}; if ${this.condition(inner, 1)} ${to()} ${to()} ${pieces.join(' ')} e${n}:; }`;
  }

  private statement(scope: Scope, loops: number): string {
    const { random } = this;
    const some = (): number => 1 + random.below(3);
    switch (random.below(13)) {
      case 0:
      case 1: {
        if (scope.branches === 0) return this.assignment(scope);
        const inner = { ...scope, branches: scope.branches - 1 };
        const other = random.oneIn(2) ? ` else ${this.block(inner, loops, some())}` : '';
        return `if ${this.condition(scope, 2)} ${this.block(inner, loops, some())}${other}`;
      }
      case 2:
      case 3: {
        if (loops === 0) return this.assignment(scope);
        const i = `c${this.names++}`;
        // few turns inside others; now and then a loop that runs long
        const most = loops === 3 && random.oneIn(6) ? 3000 : loops === 3 ? 60 : 9;
        const turns = 1 + random.below(most);
        const inner = { ...scope, counters: [...scope.counters, i], branches: 1 };
        const type = this.pick(['u32', 'i32', 'u64', 'u16']);
        const leave = random.oneIn(3) ? `if ${this.condition(inner, 1)} ${this.pick(['break', 'continue'])};` : '';
        const head = random.oneIn(3)
          ? `for (${type} ${i} = ${turns}; ${i} > 0; ${i}--)`
          : `for (${type} ${i} = 0; ${i} < ${turns}; ${i} += ${1 + random.below(2)})`;
        return `${head} { ${this.block(inner, loops - 1, some() + 1)} ${leave} ${this.assignment(inner)} }`;
      }
      case 4: {
        const arms = Array.from(
          { length: 5 },
          (_, n) => `case ${n}: ${this.assignment(scope)} ${random.oneIn(3) ? '' : 'break;'}`,
        );
        return `switch (${this.integer('u32', scope, 2)} & 7) { ${arms.join(' ')} default: ${this.assignment(scope)} }`;
      }
      case 5:
        if (scope.index === 0 || loops < 3) return this.assignment(scope);
        return `h = mix(h, f${random.below(scope.index)}(h));`;
      case 6:
        return this.walk(scope);
      case 7:
        return loops === 3 ? this.sweep(scope) : this.assignment(scope);
      case 8:
        return this.jumps(scope, 1 + random.below(loops === 3 ? 400 : 9));
      default:
        return this.assignment(scope);
    }
  }

  private function(index: number): string {
    const locals = Array.from({ length: 4 + this.random.below(7) }, (_, n) => ({
      name: `v${n}`,
      type: this.pick(TYPES),
    }));
    const scope = { locals, counters: [], sweep: null, branches: 2, index };
    const declared = locals.map(
      ({ name, type }, n) =>
        `${type} ${name} = ${isFloat(type) ? `(${type})(i32)(h >> ${n}) / ${n + 3}` : `(${type})(h >> ${n * 3})`};`,
    );
    const hashed = locals.map(
      ({ name, type }) => `h = mix(h, ${isFloat(type) ? `of_${type}(${name})` : `(u64)${name}`});`,
    );
    const body = Array.from({ length: 3 + this.random.below(5) }, () => this.statement(scope, 3));
    return `static __attribute__((noinline)) u64 f${index}(u64 h) {\n  ${declared.join(' ')}\n  ${body.join('\n  ')}\n  ${hashed.join(' ')}\n  return h;\n}`;
  }

  program(): string {
    const functions = Array.from({ length: FUNCTIONS }, (_, n) => this.function(n));
    const fill = INTEGERS.map((t) => `g_${t}[i] = (${t})(x >> ${this.random.below(9)});`);
    const sums = [
      ...INTEGERS.map((t) => `h = mix(h, (u64)g_${t}[i]);`),
      'h = mix(h, of_f32(g_f32[i]));',
      'h = mix(h, of_f64(g_f64[i]));',
    ];
    return `${HEAD}
${functions.join('\n')}
static u64 (*const all[])(u64) = { ${functions.map((_, n) => `f${n}`).join(', ')} };
int main(void) {
  u64 x = ${this.random.u32()};
  ints = alone(), f32s = alone(), f64s = alone();
  for (u32 i = 0; i < N + 16; i++) {
    x = mix(x, i);
    ${fill.join(' ')} g_f32[i] = (f32)(i16)x / 16; g_f64[i] = (f64)(i32)x / 1024;
    if (i < 512) s_u64[i] = x;
    if (i < N) s_f32[i] = g_f32[i], e_f32[i] = -g_f32[i], s_f64[i] = g_f64[i], e_f64[i] = -g_f64[i];
  }
  for (u32 n = 0; n < ${FUNCTIONS}; n++) {
    u64 h = n;
    for (u32 k = 0; k < ${CALLS}; k++) h = mix(h, all[n](h + k));
    for (u32 i = 0; i < N; i++) { ${sums.join(' ')} }
    for (u32 i = 0; i < 512; i++) h = mix(h, s_u64[i]);
    for (u32 i = 0; i < N; i++) h = mix(h, of_f32(s_f32[i]) + of_f32(e_f32[i]) + of_f64(s_f64[i]) + of_f64(e_f64[i]));
    char line[20];
    for (u32 i = 0; i < 16; i++) line[i] = "0123456789abcdef"[h >> (60 - 4 * i) & 15];
    line[16] = '\\n';
    if (write(1, line, 17) != 17) return 1;
  }
  return 0;
}
`;
  }
}

/** The text of a program, which prints a line for each of its functions. */
export const randomProgram = (random: Random): string => new Generator(random).program();
