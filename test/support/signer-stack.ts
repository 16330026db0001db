import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '#bootstrap/project.mjs';
import type { GenesisAct } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { peersOf } from '../../apps/cli/src/setup/app-configs.js';
import {
  doorOf,
  SIGNER_NAMES,
  startStack,
  writeFileAtomically,
  type Part,
  type SignerName,
  type Stack,
} from '../../apps/cli/src/stack/index.js';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { CharterBuilder } from './charter-builder.js';
import { preparedParts } from './prepared-state.js';

/** A firm with real signer processes, each on its own token and database, and nobody but the test to talk to them. */
export class SignerStack {
  readonly clients: SignerClient[] = [];

  private constructor(
    readonly stack: Stack,
    readonly charter: CharterBuilder,
  ) {}

  /** PostgreSQL, tokens, TLS identities, and a genesis that names all three signers. No signer runs yet. */
  static async start(genesis: Partial<GenesisAct> = {}): Promise<SignerStack> {
    const root = await preparedParts('signers');
    const stack = await startStack({ root, only: ['postgres', 'tokens', 'tls'] });
    const signers = SIGNER_NAMES.map((id) => ({
      id,
      tlsFingerprint: stack.tls[id].fingerprint,
      tokenSerial: stack.tokens[id].serial,
    }));
    return new SignerStack(stack, CharterBuilder.start(signers, { genesis }));
  }

  /** Starts a signer and waits until it answers, be it that it cannot sign. `overrides` replaces parts of its configuration. */
  async startSigner(id: SignerName, overrides: object = {}): Promise<Part> {
    const client = this.client(id);
    return this.stack.spawnApp(id, {
      configFile: this.configFile(id, overrides),
      isReady: async () => {
        const health = await client.health();
        return health.ok || !['signer.unavailable', 'signer.timeout'].includes(health.refusal.code);
      },
    });
  }

  /** A client of a signer that shows the certificate of `as`. */
  client(id: SignerName, as: SignerName | 'orchestrator' = 'orchestrator', timeoutMs = 10_000): SignerClient {
    const { tls, ports } = this.stack;
    const { keyFile, certificateFile } = tls[as];
    const address = { id, url: `https://127.0.0.1:${ports[id]}`, certFile: tls[id].certificateFile };
    const client = new SignerClient(address, { keyFile, certFile: certificateFile }, timeoutMs);
    this.clients.push(client);
    return client;
  }

  /** Has every given signer make its key of a wallet. */
  async keys(wallet: string, clients: readonly SignerClient[]): Promise<{ signer: string; publicKey: string }[]> {
    const keys = await Promise.all(clients.map(async (client) => orThrow(await client.generateKey(wallet))));
    return keys.map(({ signer, publicKey }) => ({ signer, publicKey }));
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.stack.stop();
    rmSync(this.stack.root, { recursive: true, force: true });
  }

  /** Writes the configuration of a signer. */
  configFile(id: SignerName, overrides: object): string {
    const { tls, tokens, ports, postgres, layout } = this.stack;
    const urlFile = join(layout.config, `${id}.database-url`);
    writeFileAtomically(urlFile, postgres.databaseUrl(id), 0o600);
    const { keyFile, certificateFile } = tls[id];
    const { label, pinFile, configFile } = tokens[id];
    const config = {
      id,
      listen: { host: '127.0.0.1', port: ports[id] },
      door: { host: '127.0.0.1', port: ports[doorOf(id)] },
      peers: peersOf(ports, id),
      database: { urlFile },
      firm: this.charter.firm,
      tls: {
        keyFile,
        certFile: certificateFile,
        peers: [{ name: 'orchestrator', certFile: tls.orchestrator.certificateFile }],
      },
      token: {
        profileFile: join(projectFolder, 'hsm-config/softhsm2.json'),
        label,
        pinFile,
        env: { SOFTHSM2_CONF: configFile },
      },
      ...overrides,
    };
    const file = join(layout.config, `${id}.json`);
    writeFileAtomically(file, JSON.stringify(config), 0o600);
    return file;
  }
}
