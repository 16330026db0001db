#!/usr/bin/env node
await import('../bootstrap/run.mjs');
