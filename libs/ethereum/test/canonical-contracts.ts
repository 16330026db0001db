import { createRequire } from 'node:module';
import { type SafeContracts } from '../src/contracts.js';

const require = createRequire(import.meta.url);

interface Published {
  readonly deployments: { readonly canonical: { readonly address: string; readonly codeHash: string } };
}
const published = (name: string) => {
  const { deployments } = require(`@safe-global/safe-deployments/dist/assets/v1.4.1/${name}.json`) as Published;
  const { address, codeHash } = deployments.canonical;
  return { address, codeHash };
};
const proxy = require('@safe-global/safe-contracts/build/artifacts/contracts/proxies/SafeProxy.sol/SafeProxy.json') as {
  readonly bytecode: string;
};

/** Safe 1.4.1 as its publishers deploy it on most chains. */
export const CANONICAL: SafeContracts = {
  singleton: published('safe_l2'),
  proxyFactory: published('safe_proxy_factory'),
  fallbackHandler: published('compatibility_fallback_handler'),
  multiSendCallOnly: published('multi_send_call_only'),
  proxyCreationCode: proxy.bytecode,
};
