import './helpers/system.ts';
import './helpers/state.ts';
import './helpers/x87-state.ts';
import './helpers/strings.ts';
import './helpers/divide.ts';
import type { Helper } from '../helper.ts';
import { helpers } from './helper-table.ts';

/**
 * What programs call when they start (CPUID, XSAVEC in the dynamic linker, FLDCW in printf, divisions of 128 bits where it prints doubles, REP MOVS from pages that are not
 * read yet …): the command line has these without the translator. All others are defined after them, by modules that import
 * helpers.ts.
 */
export const firstHelpers: readonly Helper[] = [...helpers];
