import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { stateFolder } from '#bootstrap/project.mjs';
import { tokenHolders, verifyTranscript, type TokenHolder } from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import { openKeyStore } from '@bulkhead/keys';
import { startBulkhead } from '../bulkhead.js';
import { developmentPeople, developmentTranscript } from '../ceremony/development.js';
import { conduct } from '../ceremony/conduct.js';
import { developmentDevice } from '../members/development-members.js';
import { replayCharter } from '../operator/charter-replica.js';
import { initToken, startChainClock, startStack, type SignerName, type Stack } from '../stack/index.js';
import { ALPHA, type Cast } from '../story/cast.js';
import { BTC, ETHER, positions } from '../story/money.js';
import { Narrator } from '../story/narrator.js';
import { setTheScene } from '../story/scene.js';
import { castOf } from '../story/story.js';
import { until } from '../story/waiting.js';
import type { RotatedWallet } from './rotate-wallet.js';
import { rotationRunBook } from './run-book.js';

const LOST: SignerName = 'signer-b';
const CLOCK_MS = 200;

/** `bulkhead drill`: what a firm rehearses before it has to. Each drill writes its record. */
export function addDrillCommands(program: Command): void {
  program
    .command('drill')
    .description('rehearse a disaster on a stack of its own')
    .command('rotation')
    .description('lose a signer’s token, replace it, and move a client’s wallets to new keys')
    .option('--out <folder>', 'where the record and the new kits go', join(stateFolder, 'drills'))
    .action(async ({ out }: { out: string }) => {
      const record = await rotationDrill(out, (line) => {
        console.log(line);
      });
      console.log(`\nThe record: ${record}\nCheck it:   npx bulkhead verify transcript ${record}`);
    });
}

/** @returns the record’s file. @throws Failure or Error when the drill did not come to its end; the state is kept then */
export async function rotationDrill(out: string, say: (line: string) => void): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-drill-'));
  const record = join(out, `rotation-${new Date().toISOString().replaceAll(':', '')}.jsonl`);
  mkdirSync(out, { recursive: true });
  const stack = await startStack({ root });
  let done = false;
  try {
    await startBulkhead(stack);
    const { bitcoind, anvil } = stack;
    const clock = startChainClock({ bitcoinRpc: bitcoind.rpc, ethereumUrl: anvil.url, intervalMs: CLOCK_MS });
    try {
      await rotate(stack, out, record, say);
      done = true;
    } finally {
      await clock.stop();
    }
  } finally {
    await stack.stop();
    if (done) rmSync(root, { recursive: true, force: true });
    else say(`The state is kept in ${root}`);
  }
  return record;
}

async function rotate(stack: Stack, out: string, record: string, say: (line: string) => void): Promise<void> {
  const cast = castOf(stack);
  say('A firm with clients and money');
  await fund(stack, cast);
  const ceremony = orThrow(verifyTranscript(readFileSync(developmentTranscript(stack.layout), 'utf8')));
  say(`The token of ${LOST} is destroyed`);
  await stack.part(LOST).stop();
  rmSync(stack.layout.token(LOST), { recursive: true, force: true });
  const wallets = (await cast.charterWallets()).filter(
    (wallet): wallet is RotatedWallet =>
      wallet.owner === ALPHA && (wallet.kind === 'bitcoin-multisig' || wallet.kind === 'safe'),
  );
  const plan = {
    firm: ceremony.firm,
    members: ceremony.opened.members,
    cast,
    signer: LOST,
    reason: `the token of ${LOST} is lost (drill)`,
    holders: tokenHolders(ceremony),
    replaceToken: () => replaceToken(stack, cast, ceremony.firm),
    wallets,
    kitFolder: out,
    log: say,
  };
  const people = { ...developmentPeople(stack.layout), tell: say };
  await conduct(record, rotationRunBook(plan), people);
}

async function fund(stack: Stack, cast: Cast): Promise<void> {
  const { alphaSafe } = await setTheScene(cast, new Narrator(() => undefined));
  const { faucet } = stack.bitcoind;
  for (const amount of [2n * BTC, BTC / 4n]) await faucet.pay(await cast.freshAddress('alpha-btc'), amount);
  const [, outside] = stack.anvil.accounts;
  if (!outside) throw new Error('the node holds too few accounts');
  await stack.anvil.rpc.send({ from: outside, to: alphaSafe, valueWei: 3n * ETHER });
  for (const [wallet, asset] of [
    ['alpha-btc', cast.btc],
    ['alpha-eth', cast.eth],
  ] as const) {
    await until(`the deposits of ${wallet}`, async () =>
      BigInt((await positions(cast, wallet, asset))?.available ?? '0') >= 2n * BTC ? true : undefined,
    );
  }
}

/** Does it once: a token that is there by now is kept. Without the charter's word the signer would sign nothing with it. */
async function replaceToken(stack: Stack, { client, olivia, omar, carla }: Cast, firm: Digest): Promise<TokenHolder> {
  const { profile, label, pinFile, configFile } = await initToken(LOST, stack.layout);
  const store = await openKeyStore({ profile, tokenLabel: label, pinFile, env: { SOFTHSM2_CONF: configFile } });
  const { serial } = orThrow(await store.tokenInfo());
  await store.close();
  if (!stack.part(LOST).running) await stack.part(LOST).start();
  const { signers } = await replayCharter({ client, device: olivia, firm });
  if (signers.get(LOST)?.tokenSerial !== serial) {
    const erika = developmentDevice(stack.layout.members, 'erika');
    await client.enact({ kind: 'signer.move-token', signer: LOST, tokenSerial: serial }, erika, [omar, carla]);
  }
  return { signer: LOST, tokenLabel: label, tokenSerial: serial };
}
