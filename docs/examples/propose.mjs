// propose.mjs: prints the body of POST /v1/transfers. Usage: node docs/examples/propose.mjs <to> <amount in wei> < charter.json
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { digest, say } from './say.mjs';

const [to, amount] = process.argv.slice(2);
const { firm, ethereum, heads } = JSON.parse(readFileSync(0, 'utf8'));
const intent = {
  v: 1,
  kind: 'transfer',
  firm,
  id: randomUUID(),
  purpose: 'PAYMENT',
  owner: 'beta',
  wallet: 'beta-eth',
  asset: `${ethereum}/slip44:60`,
  to,
  amount,
  maxFee: '0',
  memo: 'invoice 17',
  initiator: 'olivia',
  createdAt: new Date().toISOString(),
  expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
};
const intentDigest = digest('bulkhead/intent/v1', intent);
const terms = { firm, intent: intentDigest, payload: intentDigest, charterSequence: heads.firm.sequence };
console.log(JSON.stringify({ intent, proposal: say('olivia', 'PROPOSE', terms) }));
