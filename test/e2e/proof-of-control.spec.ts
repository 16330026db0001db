import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { SIGNER_NAMES, type Part } from '../../apps/cli/src/stack/index.js';
import { SignersService, type QuorumKey } from '../../apps/orchestrator/src/signers/signers.service.js';
import { codeOf } from '../support/outcome.js';
import { SignerStack } from '../support/signer-stack.js';

jest.setTimeout(120_000);

describe('signers that are asked to show that they hold a wallet’s keys', () => {
  let signers: SignerStack;
  let service: SignersService;
  let keys: QuorumKey[];
  const parts: Part[] = [];
  const wallet = () => ({ id: 'alpha-btc', keys, threshold: 2 });

  beforeAll(async () => {
    signers = await SignerStack.start();
    for (const id of SIGNER_NAMES) parts.push(await signers.startSigner(id));
    const { stack } = signers;
    const { keyFile, certificateFile } = stack.tls.orchestrator;
    service = new SignersService({
      signers: SIGNER_NAMES.map((id) => ({
        id,
        url: `https://127.0.0.1:${stack.ports[id]}`,
        certFile: stack.tls[id].certificateFile,
      })),
      tls: { keyFile, certFile: certificateFile },
      timeoutMs: 5_000,
    });
    keys = [...orThrow(await service.generateKeys('alpha-btc', SIGNER_NAMES))];
  });
  afterAll(async () => {
    service.onApplicationShutdown();
    await signers.stop();
  });

  it('show nothing before they have a charter that names them', async () => {
    expect(codeOf(await service.proveControl(wallet(), 'bcrt1qexample'))).toBe('charter.behind');
    for (const id of SIGNER_NAMES) orThrow(await signers.client(id).pushEntries(signers.charter.entries));
  });

  it('do so, for a fresh nonce and the address', async () => {
    expect(codeOf(await service.proveControl(wallet(), 'bcrt1qexample'))).toBe('accepted');
  });

  it('are refused when one of them holds another key than the charter says', async () => {
    const [first, second, third] = keys;
    const swapped = [first!, { ...second!, publicKey: third!.publicKey }, third!];
    const answer = await service.proveControl({ ...wallet(), keys: swapped }, 'bcrt1qexample');
    expect(codeOf(answer)).toBe('keys.signature-invalid');
  });

  it('cannot for a wallet that they have no key of', async () => {
    const answer = await service.proveControl({ ...wallet(), id: 'beta-btc' }, 'bcrt1qexample');
    expect(codeOf(answer)).toBe('keys.not-found');
  });

  it('tell what their tokens have done, by mutual TLS only', async () => {
    const answer = orThrow(await signers.client('signer-a').raw('GET', '/metrics'));
    expect(answer.status).toBe(200);
    expect(answer.text).toMatch(/^bulkhead_token_signatures_total\{token="signer-a"\} [1-9]/m);
    expect(answer.text).toMatch(/quantile="0\.95"/);
    expect(codeOf(await signers.client('signer-a', 'signer-c').raw('GET', '/metrics'))).toBe('signer.unavailable');
  });

  it('are enough while as many are there as it takes to spend, and not when one more is away', async () => {
    await parts[2]!.stop();
    expect(codeOf(await service.proveControl(wallet(), 'bcrt1qexample'))).toBe('accepted');
    await parts[1]!.stop();
    expect(codeOf(await service.proveControl(wallet(), 'bcrt1qexample'))).toBe('signer.unavailable');
  });
});
