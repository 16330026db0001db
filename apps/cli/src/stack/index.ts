export { Failure } from '#bootstrap/failure.mjs';
export { ANVIL_CHAIN_ID, type Anvil } from './anvil.js';
export { type AppOptions } from './app.js';
export { bitcoinAmount, BitcoinRpc, BitcoinRpcError, satoshi, type BitcoinRpcOptions } from './bitcoin-rpc.js';
export { type Bitcoind } from './bitcoind.js';
export { startChainClock, type ChainClock, type ChainClockOptions } from './chain-clock.js';
export { deployEthereumContracts, type EthereumContracts } from './ethereum-contracts.js';
export { EthereumRpc, EthereumRpcError, type Receipt } from './ethereum-rpc.js';
export { type Faucet } from './faucet.js';
export { writeFileAtomically } from './files.js';
export { readJsonFile, readTextFile } from './input-file.js';
export { layoutOf, type Layout } from './layout.js';
export {
  APP_NAMES,
  doorOf,
  PART_NAMES,
  PORT_NAMES,
  SIGNER_NAMES,
  SPARE_SIGNER,
  EVERY_SIGNER,
  type AppName,
  type PartName,
  type PortName,
  type SignerName,
} from './names.js';
export { choosePorts, DEFAULT_PORTS, freePort, freePorts, type Ports } from './ports.js';
export { type Postgres } from './postgres.js';
export { readPrivateFile, requirePrivateFile } from './private-file.js';
export { tailOf, type Part } from './process-part.js';
export { type Stack } from './stack.js';
export { readRunningStack, type StackFile } from './stack-file.js';
export { startStack, type StackOptions, type StackPiece } from './start-stack.js';
export { type TlsIdentity } from './tls.js';
export { initToken, readPin, type Token } from './token.js';
