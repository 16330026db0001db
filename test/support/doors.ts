import { knock as knockAt, type DoorAnswer } from '../../apps/cli/src/doors/door-client.js';
import { doorOf, type SignerName } from '../../apps/cli/src/stack/index.js';
import type { Stack } from '../../apps/cli/src/stack/index.js';

export { codeAt, type DoorAnswer } from '../../apps/cli/src/doors/door-client.js';

/** Knocks at a signer's door as anybody can: no certificate of ours, no orchestrator. */
export const knock = (
  { stack }: { readonly stack: Stack },
  id: SignerName,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<DoorAnswer> =>
  knockAt(
    { id, url: `https://127.0.0.1:${stack.ports[doorOf(id)]}`, tlsFingerprint: stack.tls[id].fingerprint },
    method,
    path,
    body,
  );
