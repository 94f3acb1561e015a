import './first-helpers.ts';

export { defineHelper, divideError, helpers, leave, readR, writeR } from './helper-table.ts';
