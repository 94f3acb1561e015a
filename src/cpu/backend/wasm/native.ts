import type { Expr, Local, Native, NativeBuilder, NativeTable, Operand, Operations } from '../../ir/native.ts';
import { type OpName, opInfo, opTable } from '../../ir/opcodes.ts';
import type { Type } from '../../ir/types.ts';
import { Value } from '../../ir/value.ts';
import { NATIVE_TABLES, NATIVE_TABLES_SIZE } from '../../memory/layout.ts';
import { Code } from './encoder.ts';
import { emitPure } from './pure.ts';

/** Natives make no carry-less products. */
const NO_CALL = -1;
/** Parameters of a native. */
const PARAMS = 2;

/** The tables of a module's natives, one behind the other. */
export class NativeTables {
  private readonly known = new Map<NativeTable, number>();
  private readonly words: bigint[] = [];

  at(table: NativeTable): number {
    const known = this.known.get(table);
    if (known !== undefined) return known;
    const at = NATIVE_TABLES + 8 * this.words.length;
    this.words.push(...table());
    if (8 * this.words.length > NATIVE_TABLES_SIZE) throw new Error('too many tables of natives');
    this.known.set(table, at);
    return at;
  }

  /** What the module has to put into memory. */
  get data(): { readonly at: number; readonly bytes: Uint8Array } {
    return { at: NATIVE_TABLES, bytes: new Uint8Array(BigUint64Array.from(this.words).buffer) };
  }
}

class NativeEmitter implements NativeBuilder {
  readonly code: Code = new Code(PARAMS);
  readonly state: Expr<'i32'> = this.variable('i32', 0);
  readonly aux: Expr<'i32'> = this.variable('i32', 1);
  readonly i32: Operations<'i32'> = this.operations('i32');
  readonly i64: Operations<'i64'> = this.operations('i64');
  readonly f64: Operations<'f64'> = this.operations('f64');
  readonly v128: Operations<'v128'> = this.operations('v128');
  readonly i8x16: Operations<'i8x16'> = this.operations('i8x16');
  readonly i16x8: Operations<'i16x8'> = this.operations('i16x8');
  readonly i64x2: Operations<'i64x2'> = this.operations('i64x2');
  /** Locals of expansions. */
  private readonly scratch = new Map<string, number>();
  private readonly tables: NativeTables;

  constructor(tables: NativeTables) {
    this.tables = tables;
  }

  private variable<T extends Type>(type: T, local: number): Local<T> {
    return { type, local, emit: () => this.code.get(local) };
  }

  private operations<P extends string>(prefix: P): Operations<P> {
    const all: Record<string, (...args: Operand<Type>[]) => Expr> = {};
    for (const info of opTable) {
      const [type, name] = info.name.split(/\.(.*)/) as [string, string];
      if (type !== prefix || (info.kind !== 'pure' && info.kind !== 'guard')) continue;
      all[name] = (...args) => ({
        type: info.result as Type,
        emit: () => {
          for (const [i, arg] of args.entries()) this.push(arg, info.args[i] as Type);
          emitPure(this.code, new Value(info, null, null, null, 0, 0, null, 0), (n, t) => this.wide(n, t), NO_CALL);
        },
      });
    }
    return all as unknown as Operations<P>;
  }

  private wide(n: number, type: Type = 'i64'): number {
    const key = `${type}${n}`;
    const local = this.scratch.get(key) ?? this.code.local(type);
    this.scratch.set(key, local);
    return local;
  }

  private push(v: Operand<Type>, type: Type): void {
    if (typeof v === 'object') return v.emit();
    if (type === 'i32') this.code.i32(Number(v));
    else if (type === 'f64') this.code.f64(Number(v));
    else this.code.i64(Number(BigInt.asIntN(32, BigInt(v))), Number(BigInt.asIntN(32, BigInt(v) >> 32n)));
  }

  value<T extends Type>(type: T, value: Operand<T>): Expr<T> {
    return { type, emit: () => this.push(value, type) };
  }

  let<T extends Type>(value: Expr<T>): Local<T> {
    value.emit();
    const local = this.code.local(value.type);
    this.code.set(local);
    return this.variable(value.type, local);
  }

  set<T extends Type>(variable: Local<T>, value: Operand<T>): void {
    this.push(value, variable.type);
    this.code.set(variable.local);
  }

  load<O extends OpName>(name: O, base: Expr<'i32'>, offset: number): ReturnType<NativeBuilder['load']> & Expr<never> {
    const emit = (): void => {
      base.emit();
      this.code.mem(name, offset);
    };
    return { type: opInfo[name].result as never, emit };
  }

  store(name: OpName, base: Expr<'i32'>, offset: number, value: Expr): void {
    base.emit();
    value.emit();
    this.code.mem(name, offset);
  }

  table(table: NativeTable): number {
    return this.tables.at(table);
  }

  copy(...operands: readonly Expr<'i32'>[]): void {
    for (const x of operands) x.emit();
    this.code.memoryCopy();
  }

  fill(...operands: readonly Expr<'i32'>[]): void {
    for (const x of operands) x.emit();
    this.code.memoryFill();
  }

  if(condition: Expr<'i32'>, then: () => void, otherwise?: () => void): void {
    condition.emit();
    this.code.if();
    then();
    if (otherwise) {
      this.code.else();
      otherwise();
    }
    this.code.end();
  }

  while(condition: Expr<'i32'>, body: () => void): void {
    this.code.loop();
    this.if(condition, () => {
      body();
      this.code.br(1);
    });
    this.code.end();
  }

  return(value: Operand<'i32'>): void {
    this.push(value, 'i32');
    this.code.return();
  }
}

/** A native as a function. */
export const emitNative = (native: Native, tables: NativeTables): Code => {
  const emitter = new NativeEmitter(tables);
  native(emitter);
  emitter.code.i32(0);
  return emitter.code;
};
