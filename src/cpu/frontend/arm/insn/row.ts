import type { Fields } from '../../pattern.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';

/** The fields of a pattern that is put together from parts. */
export type F = Readonly<Record<string, number>>;

type FieldsOf<P extends string> = string extends P ? F : Fields<P>;
export type Lift<P extends string> = ((t: Translator, f: FieldsOf<P>) => void) | null;

const row = (syntax: string, text: string, lift: unknown): Row<Translator> => ({
  syntax,
  text,
  lift: lift as Row<Translator>['lift'],
  pattern: null,
});

/** An A32 instruction that takes a condition: 28 bits, behind those of the condition. */
export const a32 = <const P extends string>(syntax: string, pattern: P, lift: Lift<P>): Row<Translator> =>
  row(syntax, `cond:4 ${pattern}`, lift);

/** An A32 instruction without a condition: 28 bits behind 1111. */
export const a32x = <const P extends string>(syntax: string, pattern: P, lift: Lift<P>): Row<Translator> =>
  row(syntax, `1111 ${pattern}`, lift);

/** A T32 instruction of 16 bits. */
export const t16 = <const P extends string>(syntax: string, pattern: P, lift: Lift<P>): Row<Translator> =>
  row(syntax, `${pattern} xxxxxxxxxxxxxxxx`, lift);

/** A T32 instruction of 32 bits, the first halfword in front. */
export const t32 = <const P extends string>(syntax: string, pattern: P, lift: Lift<P>): Row<Translator> =>
  row(syntax, pattern, lift);

/** Rows of one instruction in A32 and T32. */
export interface Rows {
  readonly a32: readonly Row<Translator>[];
  readonly a32x: readonly Row<Translator>[];
  readonly t32: readonly Row<Translator>[];
}

/** Rows under a heading, and the Arm ARM's chapter that describes them. */
export interface Chapter extends Partial<Rows> {
  readonly title: string;
  readonly manual: string;
}
