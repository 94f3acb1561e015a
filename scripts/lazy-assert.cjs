/** node:assert for elfy, which asks once for one of its functions: loading it opens the standard error stream. */
exports.equal = (...args) => require('node:assert').equal(...args);
