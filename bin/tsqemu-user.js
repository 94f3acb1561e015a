#!/usr/bin/env node
'use strict';
if (Number(process.versions.node.split('.')[0]) >= 24) require('./start.js');
else require('./other-node.js');
