// approve.mjs: prints the body of POST /v1/transfers/<id>/approvals. Usage: node docs/examples/approve.mjs <member> < transfer.json
import { readFileSync } from 'node:fs';
import { say } from './say.mjs';

const { toApprove, decoded } = JSON.parse(readFileSync(0, 'utf8'));
console.error('these bytes pay:', decoded.outputs, 'network fee:', decoded.fee);
console.log(JSON.stringify({ approval: say(process.argv[2], 'APPROVE', toApprove) }));
