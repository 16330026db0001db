import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { developmentCeremony } from './ceremony/development.js';
import { writeAppConfigs } from './setup/app-configs.js';
import { EVERY_SIGNER, SIGNER_NAMES, type SignerName, type Stack } from './stack/index.js';

export interface BulkheadParts {
  /** Whether the spare signer stands by as well. */
  readonly spare?: boolean;
}

/** Starts Bulkhead's own processes on the real parts: the genesis ceremony, three signers, the orchestrator. */
export async function startBulkhead(stack: Stack, { spare = false }: BulkheadParts = {}): Promise<void> {
  const { firm } = await developmentCeremony(stack);
  const configs = writeAppConfigs(stack, firm, spare);
  await Promise.all([
    ...(spare ? EVERY_SIGNER : SIGNER_NAMES).map((signer) =>
      stack.spawnApp(signer, { configFile: configs[signer], isReady: () => signerIsReady(stack, signer) }),
    ),
    stack.spawnApp('orchestrator', {
      configFile: configs.orchestrator,
      isReady: () => answers(`${orchestratorUrl(stack)}/health`),
    }),
  ]);
}

export const orchestratorUrl = (stack: Stack): string => `http://127.0.0.1:${stack.ports.orchestrator}`;

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

/** Over mutual TLS, as the orchestrator asks: nobody else gets an answer. */
function signerIsReady(stack: Stack, signer: SignerName): Promise<boolean> {
  const client = stack.tls.orchestrator;
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: stack.ports[signer],
        path: '/health',
        key: readFileSync(client.keyFile),
        cert: readFileSync(client.certificateFile),
        ca: readFileSync(stack.tls[signer].certificateFile),
        timeout: 2_000,
      },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.end();
  });
}
