// approve.mjs: prints the body of POST /v1/transfers/<id>/approvals. Usage: node docs/examples/approve.mjs <member> < transfer.json
import { readFileSync } from 'node:fs';
import { digest, say } from './say.mjs';

const { intent, payload, toApprove } = JSON.parse(readFileSync(0, 'utf8'));
if (payload.kind !== 'safe-tx' || payload.tx.data !== '0x' || payload.tx.operation !== 0)
  throw new Error('read a plain ether payment, or decode more');
// what the bytes say, and digests of these very bytes: `decoded` and the digests in `toApprove` are the orchestrator's word
console.error(`${payload.safe} pays ${payload.tx.value} wei to ${payload.tx.to}, as transfer ${intent.id}`);
const terms = {
  firm: intent.firm,
  intent: digest('bulkhead/intent/v1', intent),
  payload: digest('bulkhead/payload/safe-tx/v1', payload),
  charterSequence: toApprove.charterSequence,
};
console.log(JSON.stringify({ approval: say(process.argv[2], 'APPROVE', terms) }));
