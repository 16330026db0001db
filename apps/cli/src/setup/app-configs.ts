import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bitcoinAsset, erc20Asset, etherAsset, REGTEST, type AssetId, type Digest } from '@bulkhead/intent';
import { developmentTranscript } from '../ceremony/development.js';
import { DEVELOPMENT_MEMBERS, readToken, tokenHash } from '../members/development-members.js';
import {
  ANVIL_CHAIN_ID,
  doorOf,
  EVERY_SIGNER,
  SIGNER_NAMES,
  writeFileAtomically,
  type AppName,
  type Ports,
  type SignerName,
  type Stack,
} from '../stack/index.js';

/** Confirmations until a deposit counts and a transfer is settled, on the development chains. */
const CONFIRMATIONS = 2;
const POLL_MS = 250;

export type AppConfigs = Readonly<Record<AppName, string>>;

/**
 * Writes each process's configuration for this stack, for its owner's eyes only.
 *
 * @param spare whether the spare signer runs: the others and the orchestrator are told where it is
 * @returns the files
 */
export function writeAppConfigs(stack: Stack, firm: Digest, spare: boolean): AppConfigs {
  mkdirSync(stack.layout.config, { recursive: true, mode: 0o700 });
  const signers = spare ? EVERY_SIGNER : SIGNER_NAMES;
  const files: Partial<Record<AppName, string>> = {};
  for (const signer of EVERY_SIGNER) files[signer] = write(stack, signer, signerConfig(stack, signer, firm, signers));
  files.orchestrator = write(stack, 'orchestrator', orchestratorConfig(stack, signers));
  return files as AppConfigs;
}

function signerConfig(stack: Stack, signer: SignerName, firm: Digest, all: readonly SignerName[]): unknown {
  const token = stack.tokens[signer];
  const identity = stack.tls[signer];
  return {
    id: signer,
    listen: { host: '127.0.0.1', port: stack.ports[signer] },
    door: { host: '127.0.0.1', port: stack.ports[doorOf(signer)] },
    peers: peersOf(stack.ports, signer, all),
    database: { urlFile: databaseUrlFile(stack, signer) },
    firm,
    tls: {
      keyFile: identity.keyFile,
      certFile: identity.certificateFile,
      peers: [{ name: 'orchestrator', certFile: stack.tls.orchestrator.certificateFile }],
    },
    token: {
      profileFile: write(stack, `${signer}.pkcs11`, token.profile),
      label: token.label,
      pinFile: token.pinFile,
      env: { SOFTHSM2_CONF: token.configFile },
    },
    holder: 'whoever runs this machine',
    place: 'the development stack',
    freezeFile: join(stack.layout.config, `${signer}.freeze`),
    hardLimits: hardLimits(stack),
  };
}

/** More than the demonstration and its tests ever pay, and no more: whatever is approved, a signer stops there. */
function hardLimits({ contracts }: Stack): unknown {
  const chain = `eip155:${ANVIL_CHAIN_ID}` as const;
  const upTo = (asset: AssetId, perTransfer: bigint) => ({
    asset,
    maxAmountPerTransfer: perTransfer.toString(),
    maxAmountPerDay: (perTransfer * 10n).toString(),
  });
  return [
    upTo(bitcoinAsset(REGTEST), 1_000_000_000n),
    upTo(etherAsset(chain), 100n * 10n ** 18n),
    upTo(erc20Asset(chain, contracts.testToken), 1_000_000n * 10n ** 18n),
  ];
}

/** The doors of the other signers. Their certificates are those that the charter names. */
export const peersOf = (
  ports: Ports,
  signer: SignerName,
  all: readonly SignerName[] = SIGNER_NAMES,
): { id: SignerName; url: string }[] =>
  all.filter((id) => id !== signer).map((id) => ({ id, url: `https://127.0.0.1:${ports[doorOf(id)]}` }));

function orchestratorConfig(stack: Stack, signers: readonly SignerName[]): unknown {
  const identity = stack.tls.orchestrator;
  const transcript = developmentTranscript(stack.layout);
  return {
    listen: { host: '127.0.0.1', port: stack.ports.orchestrator },
    database: { urlFile: databaseUrlFile(stack, 'orchestrator') },
    genesisFile: stack.layout.genesis,
    ...(existsSync(transcript) && { transcriptFile: transcript }),
    apiTokensFile: write(stack, 'api-tokens', apiTokens(stack)),
    tls: { keyFile: identity.keyFile, certFile: identity.certificateFile },
    // passkeys are bound to a name, never to an address: a browser comes by localhost
    passkeys: { rpId: 'localhost', rpName: 'Bulkhead', origin: `http://localhost:${stack.ports.orchestrator}` },
    signers: signers.map((id) => ({
      id,
      url: `https://127.0.0.1:${stack.ports[id]}`,
      certFile: stack.tls[id].certificateFile,
    })),
    chains: {
      bitcoin: {
        chain: REGTEST,
        url: stack.bitcoind.url,
        cookieFile: stack.bitcoind.credentialsFile,
        confirmations: CONFIRMATIONS,
        pollMs: POLL_MS,
      },
      ethereum: {
        chain: `eip155:${ANVIL_CHAIN_ID}`,
        url: stack.anvil.url,
        confirmations: CONFIRMATIONS,
        pollMs: POLL_MS,
      },
    },
  };
}

/** The server knows the hashes of the tokens; the tokens are the members'. */
const apiTokens = (stack: Stack): unknown =>
  DEVELOPMENT_MEMBERS.map(({ id }) => ({ member: id, tokenSha256: tokenHash(readToken(stack.layout.members, id)) }));

function databaseUrlFile(stack: Stack, app: AppName): string {
  const file = join(stack.layout.config, `${app}.database-url`);
  writeFileAtomically(file, `${stack.postgres.databaseUrl(app)}\n`, 0o600);
  return file;
}

function write(stack: Stack, name: string, config: unknown): string {
  const file = join(stack.layout.config, `${name}.json`);
  writeFileAtomically(file, `${JSON.stringify(config, null, 2)}\n`, 0o600);
  return file;
}
