import { writeFileSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import type { CharterState } from '@bulkhead/charter';
import { intentDigest, isDecimalAmount, orThrow, payloadDigest } from '@bulkhead/intent';
import { transferRequestSchema, type TransferDecision, type TransferRequest } from '@bulkhead/policy';
import { parseUnits } from 'ethers';
import { BitcoinRpc, EthereumRpc, Failure, readJsonFile } from '../stack/index.js';
import { SCAN_TIMEOUT_MS } from './bitcoin-coins.js';
import { carryOut, type Outcome } from './carry-out.js';
import { addEnactCommands } from './enact-commands.js';
import { addKitCommand } from './kit-command.js';
import { OfflineMember } from './member.js';
import { readKit, withKit, withMember, type AsMember, type KitOptions } from './options.js';
import { amountText, showKit } from './show-kit.js';
import { approveSweep, checkNow, proposeSweep, withAttested, type Nodes } from './sweep.js';
import { readTokenPlaces } from './tokens.js';

interface NodeOptions {
  readonly bitcoind?: string;
  readonly cookie?: string;
  readonly ethereum?: string;
}
interface Attested {
  readonly attestation: readonly string[];
}
interface ProposeOptions extends KitOptions, NodeOptions, AsMember, Attested {
  readonly wallet: string;
  readonly to: string;
  readonly asset?: string;
  readonly amount?: string;
  readonly feeRate: string;
  readonly leave: readonly string[];
  readonly out: string;
}
interface ApproveOptions extends KitOptions, AsMember, Attested {
  readonly request: string;
}
interface SweepOptions extends KitOptions, NodeOptions, Attested {
  readonly request: string;
  readonly tokens: string;
  readonly sendFrom?: string;
}

const BITCOIN_DECIMALS = 8;

const RECOVER_HELP = `
On an empty machine with the tokens and a node. Nothing is believed but the genesis hash that you give: every entry in
the kit is checked by the rules of the charter, and each step by the rules of transfers.

  1. recover           verifies the kit, rebuilds the wallets, and shows what they hold
  2. recover propose   a member proposes to pay out all that a wallet holds, to an approved destination
  3. recover approve   other members look at the bytes and approve them, each on their own machine
  4. recover sweep     the tokens sign what the quorum has approved, and the node sends it

Where the charter itself is in the way (a freeze, no approved destination): recover propose-act, approve-act, enact.`;

/** `kit` while the firm runs, `recover` when it does not. */
export function addRecoveryCommands(program: Command): void {
  addKitCommand(program);
  const recover = program.command('recover').description('rebuild and move wallets from a recovery kit alone');
  recover.addHelpText('after', RECOVER_HELP);
  withNodes(withKit(recover.command('show', { isDefault: true })))
    .description('verify a kit and show its wallets, and with nodes what they hold')
    .action(async (options: KitOptions & NodeOptions) => {
      const opened = readKit(options);
      for (const line of await showKit(opened, nodesOf(options))) console.log(line);
    });
  withAttestations(withMember(withNodes(withKit(recover.command('propose')))))
    .description('propose to pay all that a wallet holds, or a part of it, to an approved destination')
    .requiredOption('--wallet <wallet>', 'the wallet that pays')
    .requiredOption('--to <address>', 'an approved destination of the same owner')
    .option('--asset <symbol>', 'of a Safe: which asset, for example ETH')
    .option('--amount <amount>', 'in whole units, for example 0.25: where a policy caps one payment; else all')
    .option('--fee-rate <sat/vB>', 'of a Bitcoin wallet', wholeNumber, '2')
    .option('--leave <coins...>', 'txid:vout of coins that are not the owner’s to take: deposits in quarantine', [])
    .requiredOption('--out <file>', 'the request, to be carried to its approvers')
    .action(propose);
  withAttestations(withMember(withKit(recover.command('approve'))))
    .description('show what a request’s bytes do, and approve them')
    .requiredOption('--request <file>', 'the request; the approval is added to it')
    .action(approve);
  withAttestations(withNodes(withKit(recover.command('sweep'))))
    .description('have the tokens sign a request that its quorum has approved, and send it')
    .requiredOption('--request <file>', 'the approved request')
    .requiredOption('--tokens <file>', 'JSON: [{ signer, profileFile, label, pinFile, env }]')
    .option('--send-from <account>', 'of a Safe: an account that the Ethereum node holds, to pay the gas')
    .action(sweep);
  addEnactCommands(recover);
}

const withNodes = (command: Command): Command =>
  command
    .option('--bitcoind <url>', 'JSON-RPC of a synchronised Bitcoin node')
    .option('--cookie <file>', 'its `user:password`')
    .option('--ethereum <url>', 'JSON-RPC of an Ethereum node');

const withAttestations = (command: Command): Command =>
  command.option('--attestation <files...>', 'JSON of attestors’ statements that the firm’s policies ask for', []);

function wholeNumber(text: string): string {
  if (!isDecimalAmount(text) || text === '0') throw new InvalidArgumentError('a whole number');
  return text;
}

function nodesOf({ bitcoind, cookie, ethereum }: NodeOptions): Nodes {
  if (bitcoind !== undefined && cookie === undefined) throw new Failure('--bitcoind needs its --cookie.');
  for (const url of [bitcoind, ethereum]) {
    if (url !== undefined && !(/^https?:/.test(url) && URL.canParse(url)))
      throw new Failure(`${url} is no URL of a node.`, 'One is http://127.0.0.1:8332.');
  }
  return {
    ...(bitcoind !== undefined &&
      cookie !== undefined && {
        bitcoin: new BitcoinRpc({ url: bitcoind, credentialsFile: cookie, timeoutMs: SCAN_TIMEOUT_MS }),
      }),
    ...(ethereum !== undefined && { ethereum: new EthereumRpc(ethereum) }),
  };
}

async function propose(options: ProposeOptions): Promise<void> {
  const { state } = readKit(options);
  const member = await OfflineMember.of(state, options.as, options.keyFile);
  const asset = options.asset === undefined ? undefined : assetOf(state, options.asset);
  const request = await proposeSweep(
    state,
    member,
    {
      wallet: options.wallet,
      to: options.to,
      ...(asset !== undefined && { asset }),
      ...(options.amount !== undefined && { amount: amountOf(state, options) }),
      feeRateSatVb: BigInt(options.feeRate),
      leave: options.leave,
    },
    nodesOf(options),
  );
  const attested = withAttested(state, request, options.attestation);
  const decision = checkNow(state, attested);
  // a policy may ask for what attestors can say only of this very intent
  const lacking = !decision.ok && decision.refusal.code.startsWith('policy.') ? decision.refusal : undefined;
  if (!lacking) describe(state, orThrow(decision));
  write(options.out, attested);
  console.log(`\nproposed by ${member.id}; the request is in ${options.out}, intent ${intentDigest(request.intent)}`);
  if (lacking) console.log(`Not permitted as it is (${lacking.code}): ${lacking.detail} See --attestation, --amount.`);
}

async function approve(options: ApproveOptions): Promise<void> {
  const { state } = readKit(options);
  const member = await OfflineMember.of(state, options.as, options.keyFile);
  const request = withAttested(state, readRequest(options.request), options.attestation);
  describe(state, orThrow(checkNow(state, request)));
  write(options.request, approveSweep(member, request));
  console.log(`\napproved by ${member.id}`);
}

async function sweep(options: SweepOptions): Promise<void> {
  const { state } = readKit(options);
  const request = withAttested(state, readRequest(options.request), options.attestation);
  describe(state, orThrow(checkNow(state, request)));
  const outcome = await carryOut(state, request, readTokenPlaces(options.tokens), (line) => {
    console.log(line);
  });
  console.log(await send(outcome, nodesOf(options), options.sendFrom));
}

/** Without a node, what was signed is printed, to be sent from elsewhere. */
async function send(outcome: Outcome, { bitcoin, ethereum }: Nodes, from: string | undefined): Promise<string> {
  if (outcome.kind === 'bitcoin') {
    if (!bitcoin) return `to be sent: ${outcome.rawTransaction}`;
    await bitcoin.call('sendrawtransaction', outcome.rawTransaction);
    return `sent as ${outcome.txid}`;
  }
  const { to, data } = outcome;
  if (!ethereum || from === undefined) return `to be sent by any account to ${to}: ${data}`;
  await ethereum.send({ from, to, data });
  return `executed by ${to}`;
}

/** In the smallest unit of the asset: a Bitcoin wallet's own, or the one that was named. */
function amountOf(state: CharterState, { wallet, asset, amount = '' }: ProposeOptions): bigint {
  const kind = state.wallets.get(wallet)?.kind;
  const listed = asset === undefined ? undefined : state.assets.get(assetOf(state, asset));
  const decimals = kind === 'safe' ? listed?.decimals : BITCOIN_DECIMALS;
  try {
    return parseUnits(amount, decimals);
  } catch {
    throw new Failure(`--amount is "${amount}", which is no amount of this asset.`);
  }
}

function assetOf(state: CharterState, symbol: string) {
  const asset = state.assets.find((listed) => listed.symbol === symbol.toUpperCase());
  if (!asset) throw new Failure(`No asset ${symbol} is listed.`);
  return asset.id;
}

const readRequest = (file: string): TransferRequest =>
  readJsonFile(file, 'a request of recover propose', transferRequestSchema);

const write = (file: string, request: TransferRequest): void => {
  writeFileSync(file, `${JSON.stringify(request, null, 2)}\n`);
};

/** What the bytes do, decoded here: what an approver approves. */
function describe(state: CharterState, { intent, payload, verdict, facts }: TransferDecision): void {
  console.log(`${intent.wallet} of ${intent.owner}, bytes ${payloadDigest(payload)}`);
  for (const { address } of facts.sources) console.log(`  spends from ${address}`);
  for (const { address, asset, amount } of verdict.payments) {
    console.log(`  pays        ${address}  ${amountText(state, asset, amount)}`);
  }
  console.log(`  network fee ${amountText(state, facts.fee.asset, facts.fee.amount)}`);
}
